import type { Command } from 'commander';
import { core } from '@isochrone/kube';
import { withConnection } from './connection.ts';
import { eventRows, eventScope, eventView } from './events.ts';
import { show, showOptions, type ShowOptions } from './show.ts';

export function addEventsCommand(program: Command): void {
  showOptions(program.command('events'))
    .description('Show what happened to a job, a node or a member, the latest last.')
    .argument('[target]', 'job/NAME, node/NODE or edge/CLUSTER (default: everything in the namespace)')
    .option('-A, --all-namespaces', 'of every namespace')
    .action(async (target: string | undefined, _own: object, command: Command) => {
      const options = command.optsWithGlobals<ShowOptions & { allNamespaces?: true }>();
      await withConnection(options, (connection) => {
        const scope = eventScope(target, options.allNamespaces === true ? undefined : connection.namespace);
        const where = scope.namespace === undefined ? {} : { namespace: scope.namespace };
        return show(connection, options, {
          sources: { events: { resource: core.events, ...where } },
          rows: ({ events }) => eventRows(events, scope),
          view: eventView,
        });
      });
    });
}
