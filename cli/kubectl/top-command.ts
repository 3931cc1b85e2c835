import type { Command } from 'commander';
import { inferenceJobResource } from '@isochrone/api';
import { withConnection } from './connection.ts';
import { fleetSources } from './fleet-rows.ts';
import { show, showOptions, type ShowOptions } from './show.ts';
import { clusterLoad, clusterLoadView, jobLoad, jobLoadView, nodeLoad, nodeLoadView } from './top.ts';

/** By the API of the hub alone: what is placed there, and what the edges report of it. */
export function addTopCommand(program: Command): void {
  const top = program.command('top').description('Show how busy clusters, nodes or jobs are.');
  showOptions(top.command('clusters'))
    .alias('edges')
    .description('Show slots and memory in use, and records per second, of each member.')
    .action(async (_own: object, command: Command) => {
      const options = command.optsWithGlobals<ShowOptions>();
      await withConnection(options, (connection) =>
        show(connection, options, { sources: fleetSources, rows: clusterLoad, view: clusterLoadView }),
      );
    });
  showOptions(top.command('nodes'))
    .description('Show slots and memory in use, and records per second, of each node.')
    .action(async (_own: object, command: Command) => {
      const options = command.optsWithGlobals<ShowOptions>();
      await withConnection(options, (connection) =>
        show(connection, options, { sources: fleetSources, rows: nodeLoad, view: nodeLoadView }),
      );
    });
  showOptions(top.command('jobs'))
    .description('Show progress, records per second and cost of each job that is not over.')
    .option('-A, --all-namespaces', 'of every namespace')
    .action(async (_own: object, command: Command) => {
      const options = command.optsWithGlobals<ShowOptions & { allNamespaces?: true }>();
      await withConnection(options, (connection) => {
        const jobs = {
          resource: inferenceJobResource,
          ...(options.allNamespaces === true ? {} : { namespace: connection.namespace }),
        };
        return show(connection, options, {
          sources: { jobs, tasks: fleetSources.tasks },
          rows: jobLoad,
          view: jobLoadView,
        });
      });
    });
}
