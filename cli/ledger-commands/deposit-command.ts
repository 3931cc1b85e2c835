import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import { formatMoney, isLedgerUnavailable, parseMoney } from '@isochrone/ledger';
import { print, render } from '../output.ts';
import { assertNamespace } from './account-names.ts';
import { ledgerOptions, withLedger, type LedgerOptions } from './open-ledger.ts';

export function addDepositCommand(group: Command): void {
  ledgerOptions(group.command('deposit'))
    .description('Put money from outside into the account of a namespace.')
    .argument('<namespace>')
    .argument('<amount>', 'decimal, such as 5.00')
    .option('--idempotency-key <key>', 'the same key again changes nothing (default: a new one)')
    .option('--create', 'make the books if there are none')
    .action(
      async (
        namespace: string,
        amount: string,
        options: LedgerOptions & { idempotencyKey?: string; create?: true },
      ) => {
        assertNamespace(namespace);
        const micros = parseMoney(amount);
        const idempotencyKey = options.idempotencyKey ?? randomUUID();
        await withLedger(options, async (ledger) => {
          const { replayed } = await ledger
            .deposit({ namespace, amount: micros, idempotencyKey })
            .catch((error: unknown) => {
              if (isLedgerUnavailable(error)) tellHowToRepeat(idempotencyKey);
              throw error;
            });
          const balance = formatMoney((await ledger.namespaceAccount(namespace)).balance);
          const document = { namespace, amount: formatMoney(micros), idempotencyKey, replayed, balance };
          print(
            render(document, options.output, () => {
              const what = replayed
                ? `had been deposited under ${idempotencyKey} before; nothing changed`
                : 'deposited';
              return `${document.amount} ${what}; balance of ${namespace}: ${balance}\n`;
            }),
          );
        });
      },
    );
}

/** Whether the deposit took effect is not known; the same key again makes it right either way. */
function tellHowToRepeat(idempotencyKey: string): void {
  process.stderr.write(`when you try again, so that it is deposited once: --idempotency-key ${idempotencyKey}\n`);
}
