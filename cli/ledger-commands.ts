import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { Command, Option } from 'commander';
import { formatMoney, isPostgres, openLedger, parseMoney, type Ledger } from '@isochrone/ledger';
import { CliError } from './errors.ts';
import { parseFormat, render, table, type Format } from './output.ts';

interface LedgerOptions {
  readonly ledger: string;
  readonly output?: Format;
}

/** `isochrone ledger ...`: the administrator's view of the books, also while the operator runs. */
export function ledgerCommand(): Command {
  const command = new Command('ledger').description('Deposit into the ledger, and look into it.');

  common(command.command('deposit'))
    .description('Put money from outside into the account of a namespace.')
    .argument('<namespace>')
    .argument('<amount>', 'decimal, such as 5.00')
    .option('--idempotency-key <key>', 'the same key again changes nothing (default: a new one)')
    .option('--create', 'make the file if there is none')
    .action(
      async (
        namespace: string,
        amount: string,
        options: LedgerOptions & { idempotencyKey?: string; create?: true },
      ) => {
        const micros = parseMoney(amount);
        const idempotencyKey = options.idempotencyKey ?? randomUUID();
        await withLedger(options, async (ledger) => {
          const { replayed } = await ledger.deposit({ namespace, amount: micros, idempotencyKey });
          const balance = formatMoney((await ledger.namespaceAccount(namespace)).balance);
          const document = { namespace, amount: formatMoney(micros), idempotencyKey, replayed, balance };
          print(options, document, () => {
            const what = replayed ? `had been deposited under ${idempotencyKey} before; nothing changed` : 'deposited';
            return `${document.amount} ${what}; balance of ${namespace}: ${balance}\n`;
          });
        });
      },
    );

  common(command.command('balance'))
    .description('Show what a namespace has, has on hold, and has spent.')
    .argument('<namespace>')
    .action(async (namespace: string, options: LedgerOptions) => {
      await withLedger(options, async (ledger) => {
        const { balance, held, spent } = await ledger.namespaceAccount(namespace);
        const document = {
          namespace,
          balance: formatMoney(balance),
          held: formatMoney(held),
          spent: formatMoney(spent),
        };
        print(options, document, () =>
          table(
            ['NAMESPACE', 'BALANCE', 'HELD', 'SPENT'],
            [[namespace, document.balance, document.held, document.spent]],
          ),
        );
      });
    });

  common(command.command('statement'))
    .description('Show the postings of an account, newest first.')
    .argument('<account>', 'namespace/NAME or provider/NAME')
    .option('--limit <count>', 'postings to show', '50')
    .action(async (account: string, options: LedgerOptions & { limit: string }) => {
      if (!/^(namespace|provider)\/.+/.test(account)) {
        throw new CliError('USAGE', `account is ${JSON.stringify(account)}; write namespace/NAME or provider/NAME`);
      }
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
          options,
          { account, balance, entries },
          () =>
            table(
              ['TIME', 'POSTING', 'KIND', 'AMOUNT', 'REFERENCE'],
              entries.map(({ time, posting, kind, amount, reference }) => [time, posting, kind, amount, reference]),
            ) + `balance: ${balance}\n`,
        );
      });
    });

  common(command.command('check'))
    .description('Prove that the books add up.')
    .action(async (options: LedgerOptions) => {
      await withLedger(options, async (ledger) => {
        await ledger.check();
        print(options, { ok: true }, () => 'every invariant of the books holds\n');
      });
    });

  return command;
}

function common(command: Command): Command {
  return command
    .addOption(
      new Option('--ledger <location>', 'as the operator has it: a SQLite file, or postgresql://USER@HOST/DATABASE')
        .env('ISOCHRONE_LEDGER')
        .makeOptionMandatory(),
    )
    .option('-o, --output <format>', 'json, yaml or wide', parseFormat);
}

/** A mistyped path must not become new, empty books. */
async function withLedger(
  options: LedgerOptions & { create?: true },
  use: (ledger: Ledger) => Promise<void>,
): Promise<void> {
  if (options.create !== true && !isPostgres(options.ledger) && !existsSync(options.ledger)) {
    throw new CliError(
      'NOT_FOUND',
      `--ledger ${options.ledger} does not exist; name the file of the operator, or use deposit --create`,
    );
  }
  const ledger = openLedger(options.ledger, { now: Date.now });
  try {
    await use(ledger);
  } finally {
    await ledger.close();
  }
}

function print({ output }: LedgerOptions, document: object, text: () => string): void {
  process.stdout.write(render(document, output, text));
}
