import type { Command } from 'commander';
import { withConnection } from './connection.ts';
import { fleetSources } from './fleet-rows.ts';
import { nodeRows, nodeView } from './nodes.ts';
import { show, showOptions, type ShowOptions } from './show.ts';

export function addNodesCommand(program: Command): void {
  showOptions(program.command('nodes'))
    .description('List the nodes of the federation: whether they take work, what they have, and what they ask.')
    .option('--cluster <cluster>', 'only those of this EdgeCluster')
    .action(async (_own: object, command: Command) => {
      const options = command.optsWithGlobals<ShowOptions & { cluster?: string }>();
      await withConnection(options, (connection) =>
        show(connection, options, {
          sources: fleetSources,
          rows: (fleet) => nodeRows(fleet, options.cluster),
          view: nodeView,
        }),
      );
    });
}
