import type { Command } from 'commander';
import { formatOption, print, render } from '../output.ts';
import { withConnection, type PrintOptions } from './connection.ts';
import { doneFormats } from './cordon-command.ts';
import { revokeEdge } from './revoke-edge.ts';

export function addEdgeRevokeCommand(edge: Command): void {
  formatOption(edge.command('revoke'), doneFormats)
    .description('End the credential of a member at once. It comes back by a new token and "edge accept".')
    .argument('<cluster>', 'name of the EdgeCluster')
    .action(async (cluster: string, _own: object, command: Command) => {
      const options = command.optsWithGlobals<PrintOptions>();
      await withConnection(options, async ({ client }) => {
        const result = await revokeEdge(client, cluster);
        const what = result.changed ? 'revoked' : 'already revoked';
        print(render(result, options.output, () => `${result.object} ${what}\n`, [result.object]));
      });
    });
}
