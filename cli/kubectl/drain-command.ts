import type { Command } from 'commander';
import { parseDuration } from '../duration.ts';
import { formatOption, print, render } from '../output.ts';
import { ProgressBar } from '../progress-bar.ts';
import { withConnection, type PrintOptions } from './connection.ts';
import { cordonText, setCordon } from './cordon.ts';
import { doneFormats } from './cordon-command.ts';
import { drain } from './drain.ts';

interface DrainFlags extends PrintOptions {
  readonly timeout: string;
  readonly handOver?: true;
}

export function addDrainCommand(program: Command): void {
  formatOption(program.command('drain'), doneFormats)
    .description('Cordon a node or a member, and wait until its tasks are done and settled.')
    .argument('<node>', 'NODE, CLUSTER/NODE or edge/CLUSTER')
    .option('--timeout <duration>', 'how long to wait, such as 10m; 0: as long as it takes', '0')
    .option('--hand-over', 'have what still runs then placed elsewhere, charged to nobody; without --timeout at once')
    .action(async (text: string, _own: object, command: Command) => {
      const options = command.optsWithGlobals<DrainFlags>();
      const timeoutMilliseconds = parseDuration('--timeout', options.timeout);
      await withConnection(options, async ({ client }) => {
        const { target, result: cordoned } = await setCordon(client, text, true);
        const isText = options.output === undefined;
        if (isText) print(cordonText(cordoned));
        const bar = new ProgressBar(process.stderr, 'draining');
        let most = 0;
        const handOver = options.handOver === true;
        const drained = await drain(client, target, {
          timeoutMilliseconds,
          handOver,
          remedy: handOver ? undefined : 'give --hand-over to have what runs placed elsewhere',
          onTasks: (left) => {
            most = Math.max(most, left);
            bar.show(most - left, most, 'tasks');
          },
        }).finally(() => bar.end());
        const { finished, handedOver } = drained;
        print(
          render(
            { ...cordoned, ...drained },
            options.output,
            () => `${cordoned.object} drained: ${finished} tasks finished, ${handedOver} handed over\n`,
            [cordoned.object],
          ),
        );
      });
    });
}
