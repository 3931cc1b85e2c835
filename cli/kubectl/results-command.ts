import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import { CliError } from '../errors.ts';
import { objectFormats, print, render, type Format } from '../output.ts';
import { ProgressBar } from '../progress-bar.ts';
import { jobName, withConnection, type Connection } from './connection.ts';
import { fetchResults, openResults, responseLines, resultsText } from './results.ts';

export function addResultsCommand(program: Command): void {
  program
    .command('results')
    .description('Check every result of a complete job against its digest, and download them, or print the responses.')
    .argument('<job>', 'job/NAME')
    .option(
      '-o, --output <directory|format>',
      'where to write the shards; - for the responses on standard output; or json, yaml, wide or name for a summary',
    )
    .action(async (target: string, { output }: { output?: string }, command: Command) => {
      const name = jobName(target);
      const format: Format | undefined = objectFormats.find((known) => known === output);
      const directory = format === undefined ? output : undefined;
      await withConnection(command.optsWithGlobals(), async (connected) => {
        if (output === '-') return printResponses(connected, name);
        const bar = new ProgressBar(process.stderr, directory === undefined ? 'checking' : 'downloading');
        const results = await fetchResults(connected, name, directory, (done, total) =>
          bar.show(done, total, 'objects'),
        ).finally(() => bar.end());
        print(render(results, format, (wide) => resultsText(results, wide), [`inferencejob.isochrone.dev/${name}`]));
      });
    });
}

/** @throws CliError USAGE */
async function printResponses(connected: Connection, name: string): Promise<void> {
  const lines = responseLines(await openResults(connected, name));
  if (lines === undefined)
    throw new CliError(
      'USAGE',
      `-o - prints responses, and job/${name} has arrays: its input is not OpenInferenceJSONLines; name a directory`,
    );
  await pipeline(lines, process.stdout, { end: false });
}
