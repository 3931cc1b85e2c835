import type { Command } from 'commander';
import { formatMoney } from '@isochrone/ledger';
import { print, render, table } from '../output.ts';
import { assertNamespace } from './account-names.ts';
import { ledgerOptions, withLedger, type LedgerOptions } from './open-ledger.ts';

export function addBalanceCommand(group: Command): void {
  ledgerOptions(group.command('balance'))
    .description('Show what a namespace has, has on hold, and has spent.')
    .argument('<namespace>')
    .action(async (namespace: string, options: LedgerOptions) => {
      assertNamespace(namespace);
      await withLedger(options, async (ledger) => {
        const { balance, held, spent } = await ledger.namespaceAccount(namespace);
        const document = {
          namespace,
          balance: formatMoney(balance),
          held: formatMoney(held),
          spent: formatMoney(spent),
        };
        print(
          render(document, options.output, () =>
            table(
              ['NAMESPACE', 'BALANCE', 'HELD', 'SPENT'],
              [[namespace, document.balance, document.held, document.spent]],
            ),
          ),
        );
      });
    });
}
