import type { Command } from 'commander';
import { formatOption, print, render } from '../output.ts';
import { withConnection, type PrintOptions } from './connection.ts';
import { doneFormats } from './cordon-command.ts';
import { trustNode } from './trust-node.ts';

export function addTrustCommand(program: Command): void {
  formatOption(program.command('trust'), doneFormats)
    .description('Give trust back to a node that was quarantined by proof against it, once the proof is explained.')
    .argument('<node>', 'NODE or CLUSTER/NODE')
    .action(async (text: string, _own: object, command: Command) => {
      const options = command.optsWithGlobals<PrintOptions>();
      await withConnection(options, async ({ client }) => {
        const result = await trustNode(client, text, Date.now());
        const line = `${result.object} ${result.changed ? 'trusted' : 'already trusted'}\n`;
        print(render(result, options.output, () => line, [result.object]));
      });
    });
}
