import type { Command } from 'commander';
import { formatMoney } from '@isochrone/ledger';
import { CliError } from '../errors.ts';
import { print, render, table } from '../output.ts';
import { assertAccount } from './account-names.ts';
import { ledgerOptions, withLedger, type LedgerOptions } from './open-ledger.ts';

export function addStatementCommand(group: Command): void {
  ledgerOptions(group.command('statement'))
    .description('Show the postings of an account, newest first.')
    .argument('<account>', 'namespace/NAME or provider/NAME')
    .option('--limit <count>', 'postings to show', '50')
    .action(async (account: string, options: LedgerOptions & { limit: string }) => {
      assertAccount(account);
      const limit = Number(options.limit);
      if (!Number.isSafeInteger(limit) || limit < 1) {
        throw new CliError('USAGE', `--limit is ${JSON.stringify(options.limit)}; write a positive integer`);
      }
      await withLedger(options, async (ledger) => {
        const entries = (await ledger.statement(account, { limit })).map((entry) => ({
          time: new Date(entry.at).toISOString(),
          posting: String(entry.posting),
          kind: entry.kind,
          amount: formatMoney(entry.amount),
          reference: entry.reference,
        }));
        const balance = formatMoney(await ledger.balance(account));
        print(
          render(
            { account, balance, entries },
            options.output,
            () =>
              table(
                ['TIME', 'POSTING', 'KIND', 'AMOUNT', 'REFERENCE'],
                entries.map(({ time, posting, kind, amount, reference }) => [time, posting, kind, amount, reference]),
              ) + `balance: ${balance}\n`,
          ),
        );
      });
    });
}
