import type { Command } from 'commander';
import { edgeJoinRequestResource, JOIN_NAMESPACE } from '@isochrone/api';
import { withConnection } from './connection.ts';
import { edgeTokenRows, edgeTokenView } from './edge-tokens.ts';
import { show, showOptions, type ShowOptions } from './show.ts';

export function addEdgeTokenListCommand(token: Command): void {
  showOptions(token.command('list'))
    .description('List the join tokens of the last days: what they wait for, and how they ended.')
    .option('--cluster <cluster>', 'only those for this EdgeCluster')
    .action(async (_own: object, command: Command) => {
      const options = command.optsWithGlobals<ShowOptions & { cluster?: string }>();
      await withConnection(options, (connection) =>
        show(connection, options, {
          sources: { requests: { resource: edgeJoinRequestResource, namespace: JOIN_NAMESPACE } },
          rows: ({ requests }) =>
            edgeTokenRows(
              requests.filter(({ spec }) => options.cluster === undefined || spec.clusterName === options.cluster),
            ),
          view: edgeTokenView,
        }),
      );
    });
}
