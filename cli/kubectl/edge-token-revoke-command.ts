import type { Command } from 'commander';
import { formatOption, print, render } from '../output.ts';
import { withConnection, type PrintOptions } from './connection.ts';
import { doneFormats } from './cordon-command.ts';
import { revokeEdgeToken } from './edge-tokens.ts';

export function addEdgeTokenRevokeCommand(token: Command): void {
  formatOption(token.command('revoke'), doneFormats)
    .description('Make a join token worthless. A member that has joined by it stays; see "edge revoke".')
    .argument('<token>', 'its name, as "edge token list" shows it')
    .action(async (name: string, _own: object, command: Command) => {
      const options = command.optsWithGlobals<PrintOptions>();
      await withConnection(options, async ({ client }) => {
        const result = await revokeEdgeToken(client, name);
        const what = result.changed ? 'revoked' : 'had ended already';
        print(render(result, options.output, () => `${result.object} ${what}\n`, [result.object]));
      });
    });
}
