import type { Command } from 'commander';
import { parseDuration } from '../duration.ts';
import { formatOption, print, render } from '../output.ts';
import { ProgressBar } from '../progress-bar.ts';
import { withConnection, type PrintOptions } from './connection.ts';
import { doneFormats } from './cordon-command.ts';
import { leaveEdge } from './leave-edge.ts';

interface Flags extends PrintOptions {
  readonly timeout: string;
  readonly force?: true;
}

export function addEdgeLeaveCommand(edge: Command): void {
  formatOption(edge.command('leave'), doneFormats)
    .description('Take a member out: wait until its tasks are settled, then remove what the hub keeps for it.')
    .argument('<cluster>', 'name of the EdgeCluster')
    .option('--timeout <duration>', 'how long to wait, such as 10m; 0: as long as it takes', '0')
    .option('--force', 'do not wait for its tasks: for a member that never answers. They are placed elsewhere')
    .action(async (cluster: string, _own: object, command: Command) => {
      const options = command.optsWithGlobals<Flags>();
      const timeoutMilliseconds = parseDuration('--timeout', options.timeout);
      await withConnection(options, async ({ client }) => {
        const bar = new ProgressBar(process.stderr, 'leaving');
        let most = 0;
        const result = await leaveEdge(client, cluster, {
          force: options.force === true,
          timeoutMilliseconds,
          onTasks: (left) => {
            most = Math.max(most, left);
            bar.show(most - left, most, 'tasks');
          },
        }).finally(() => bar.end());
        print(render(result, options.output, () => `${result.object} left\n`, [result.object]));
      });
    });
}
