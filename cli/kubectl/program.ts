import { Command } from 'commander';
import { inferenceJobResource } from '@isochrone/api';
import { stringify } from 'yaml';
import { CliError } from '../errors.ts';
import { exitOverride } from '../exit-override.ts';
import { documentFormats, formatOption, formats, render, type Format } from '../output.ts';
import { VERSION } from '../version.ts';
import { connectionOptions, findObject, jobName, withConnection, type ConnectionOptions } from './connection.ts';
import { edgeKubeconfig } from './edge-credentials.ts';
import { fetchResults, resultsText } from './results.ts';
import { readStatement, statementText } from './statement.ts';
import { whyDocument, whyText } from './why.ts';

/** The command line of `kubectl isochrone`. */
export function kubectlProgram(): Command {
  const program = connectionOptions(exitOverride(new Command('kubectl-isochrone')))
    .configureHelp({ showGlobalOptions: true })
    .usage('COMMAND [flags]   (also: kubectl isochrone COMMAND)')
    .description('Look into an Isochrone federation.')
    .version(VERSION, '-V, --version')
    .addHelpText(
      'after',
      '\nExit status: 0 done, 1 failed or not ready, 2 wrong usage, 3 unreachable, 4 not found, 5 forbidden.',
    );

  formatOption(program.command('why'))
    .description('Tell why a job is where it is, and what to change.')
    .argument('<job>', 'job/NAME')
    .action(async (target: string, _options: object, command: Command) => {
      const options = command.optsWithGlobals<ConnectionOptions>();
      const name = jobName(target);
      await withConnection(options, async ({ client, namespace }) => {
        const job = await findObject(client, inferenceJobResource, { namespace, name });
        if (job === undefined) {
          throw new CliError(
            'NOT_FOUND',
            `there is no InferenceJob ${name} in namespace ${namespace}; kubectl get inferencejobs -A lists them`,
          );
        }
        print(render(whyDocument(job), options.output, (wide) => whyText(job, Date.now(), wide)));
      });
    });

  program
    .command('results')
    .description('Check every result of a complete job against its digest, and download them.')
    .argument('<job>', 'job/NAME')
    .option('-o, --output <directory|format>', 'where to write the shards; or json, yaml or wide for a summary')
    .action(async (target: string, { output }: { output?: string }, command: Command) => {
      const name = jobName(target);
      const format: Format | undefined = formats.find((known) => known === output);
      const directory = format === undefined ? output : undefined;
      await withConnection(command.optsWithGlobals(), async (connected) => {
        const results = await fetchResults(connected, name, directory);
        print(render(results, format, (wide) => resultsText(results, wide)));
      });
    });

  formatOption(program.command('statement'))
    .description('Show the account of a namespace.')
    .action(async (_options: object, command: Command) => {
      const options = command.optsWithGlobals<ConnectionOptions>();
      await withConnection(options, async (connected) => {
        const statement = await readStatement(connected);
        print(render(statement, options.output, (wide) => statementText(statement, wide)));
      });
    });

  const edge = program.command('edge').description('Manage members.');
  formatOption(edge.command('credentials'), documentFormats)
    .description(
      'Print the kubeconfig by which the edge operator of a member reaches the hub. It holds a token: keep it secret.',
    )
    .argument('<cluster>', 'name of an EdgeCluster')
    .option(
      '--server <url>',
      'address of the hub as the member sees it (default: the --edge-server of the operator, else that of this context)',
    )
    .action(async (cluster: string, { server }: { server?: string }, command: Command) => {
      const options = command.optsWithGlobals<ConnectionOptions>();
      await withConnection(options, async ({ client }) => {
        const config = await edgeKubeconfig(client, cluster, server);
        print(render(config, options.output, () => stringify(config)));
      });
    });

  return program;
}

function print(text: string): void {
  process.stdout.write(text);
}
