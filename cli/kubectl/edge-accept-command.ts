import type { Command } from 'commander';
import { formatOption, print, render } from '../output.ts';
import { acceptEdge } from './accept-edge.ts';
import { withConnection, type PrintOptions } from './connection.ts';
import { doneFormats } from './cordon-command.ts';

export function addEdgeAcceptCommand(edge: Command): void {
  formatOption(edge.command('accept'), doneFormats)
    .description('Let the key that asked to join be the member. Compare its fingerprint with what the member shows.')
    .argument('<cluster>', 'name of the EdgeCluster')
    .option('--fingerprint <fingerprint>', 'accept this key only, such as SHA256:...')
    .action(async (cluster: string, { fingerprint }: { fingerprint?: string }, command: Command) => {
      const options = command.optsWithGlobals<PrintOptions>();
      await withConnection(options, async ({ client }) => {
        const result = await acceptEdge(client, cluster, fingerprint);
        const done = result.changed ? 'accepted' : 'already accepted';
        const member =
          result.edgeCluster === 'unchanged' ? '' : `edgecluster.isochrone.dev/${cluster} ${result.edgeCluster}\n`;
        print(
          render(result, options.output, () => `${result.object} ${done}: ${result.fingerprint}\n${member}`, [
            result.object,
          ]),
        );
      });
    });
}
