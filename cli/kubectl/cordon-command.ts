import type { Command } from 'commander';
import { formatOption, print, render, type Format } from '../output.ts';
import { withConnection, type PrintOptions } from './connection.ts';
import { cordonText, setCordon } from './cordon.ts';

/** For what is done to an object and told in one line. */
export const doneFormats = ['json', 'yaml', 'name'] as const satisfies readonly Format[];

export function addCordonCommand(program: Command): void {
  cordoning(program.command('cordon'), true).description(
    'Keep new work away from a node or a member; what runs there goes on.',
  );
}

export function addUncordonCommand(program: Command): void {
  cordoning(program.command('uncordon'), false).description('Let new work come to a node or a member again.');
}

function cordoning(command: Command, unschedulable: boolean): Command {
  return formatOption(command, doneFormats)
    .argument('<node>', 'NODE, CLUSTER/NODE or edge/CLUSTER')
    .action(async (text: string, _own: object, command: Command) => {
      const options = command.optsWithGlobals<PrintOptions>();
      await withConnection(options, async ({ client }) => {
        const { result } = await setCordon(client, text, unschedulable);
        print(render(result, options.output, () => cordonText(result), [result.object]));
      });
    });
}
