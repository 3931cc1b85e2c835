import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import { formatMoney, isLedgerUnavailable, openLedger, parseMoney, type Ledger } from '@isochrone/ledger';
import { defineOptions, loadOptions, option } from '@isochrone/service';
import { configFile } from './config-file.ts';
import { CliError } from './errors.ts';
import { documentFormats, formatOption, render, table, type Format } from './output.ts';

interface LedgerOptions {
  readonly ledger?: string;
  readonly config?: string;
  readonly output?: Format;
}

/** Named, and found in the environment and the operator's file, as the operator's own option is. */
const location = defineOptions({
  ledger: option.string({
    description: 'as the operator has it: a SQLite file, or postgresql://USER@HOST/DATABASE',
    required: true,
  }),
});

/** What Kubernetes takes as the name of a namespace (RFC 1123, DNS label). */
const namespaceName = '[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?';
const accountName = new RegExp(`^(?:namespace/${namespaceName}|provider/[a-z0-9](?:[-.a-z0-9]{0,251}[a-z0-9])?)$`);

/** `isochrone ledger ...`: the administrator's view of the books, also while the operator runs. */
export function addLedgerCommand(program: Command): void {
  const command = program.command('ledger').description('Deposit into the ledger, and look into it.');

  common(command.command('deposit'))
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
      assertNamespace(namespace);
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
      if (!accountName.test(account)) {
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
}

function common(command: Command): Command {
  return formatOption(
    command
      .option('--ledger <location>', `${location.ledger.settings.description} (ISOCHRONE_LEDGER)`)
      .option('--config <file>', 'YAML file of the operator, whose key "ledger" is taken (ISOCHRONE_CONFIG)'),
    documentFormats,
  );
}

/** @throws CliError USAGE */
function assertNamespace(name: string): void {
  if (new RegExp(`^${namespaceName}$`).test(name)) return;
  throw new CliError(
    'USAGE',
    `namespace is ${JSON.stringify(name)}; write the name of a Kubernetes namespace, such as vision`,
  );
}

/** Whether the deposit took effect is not known; the same key again makes it right either way. */
function tellHowToRepeat(idempotencyKey: string): void {
  process.stderr.write(`when you try again, so that it is deposited once: --idempotency-key ${idempotencyKey}\n`);
}

/** Only a deposit that is told to makes books: a mistyped location must not become new, empty ones. */
async function withLedger(
  { ledger: flag, config, create = false }: LedgerOptions & { create?: boolean },
  use: (ledger: Ledger) => Promise<void>,
): Promise<void> {
  const file = configFile(config, process.env);
  const sources = { flags: { ledger: flag }, env: process.env, ...(file && { file: { ...file, isShared: true } }) };
  const ledger = openLedger(loadOptions(location, sources).ledger, { now: Date.now, create });
  try {
    await use(ledger);
  } finally {
    await ledger.close();
  }
}

function print({ output }: LedgerOptions, document: object, text: () => string): void {
  process.stdout.write(render(document, output, text));
}
