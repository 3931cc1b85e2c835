import type { Command } from 'commander';
import { names } from '@isochrone/api';
import { formatOption, objectFormats, print, render } from '../output.ts';
import { withConnection, type PrintOptions } from './connection.ts';
import { readStatement, statementText } from './statement.ts';

export function addStatementCommand(program: Command): void {
  formatOption(program.command('statement'), objectFormats)
    .description('Show the account of a namespace.')
    .action(async (_options: object, command: Command) => {
      const options = command.optsWithGlobals<PrintOptions>();
      await withConnection(options, async (connected) => {
        const statement = await readStatement(connected);
        print(
          render(statement, options.output, (wide) => statementText(statement, wide), [
            `configmap/${names.accountStatement}`,
          ]),
        );
      });
    });
}
