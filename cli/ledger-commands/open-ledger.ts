import type { Command } from 'commander';
import { openLedger, type Ledger } from '@isochrone/ledger';
import { defineOptions, loadOptions, option } from '@isochrone/service';
import { configFile } from '../config-file.ts';
import { documentFormats, formatOption, type Format } from '../output.ts';

export interface LedgerOptions {
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

/** Adds what every command about the books takes. */
export function ledgerOptions(command: Command): Command {
  return formatOption(ledgerLocation(command), documentFormats);
}

/** How a command is told where the books are. */
export function ledgerLocation(command: Command): Command {
  return command
    .option('--ledger <location>', `${location.ledger.settings.description} (ISOCHRONE_LEDGER)`)
    .option('--config <file>', 'YAML file of the operator, whose key "ledger" is taken (ISOCHRONE_CONFIG)');
}

/** Only a deposit that is told to makes books: a mistyped location must not become new, empty ones. */
export async function withLedger<T>(
  { ledger: flag, config, create = false }: Pick<LedgerOptions, 'ledger' | 'config'> & { create?: boolean },
  use: (ledger: Ledger) => Promise<T>,
): Promise<T> {
  const file = configFile(config, process.env);
  const sources = { flags: { ledger: flag }, env: process.env, ...(file && { file: { ...file, isShared: true } }) };
  const ledger = openLedger(loadOptions(location, sources).ledger, { now: Date.now, create });
  try {
    return await use(ledger);
  } finally {
    await ledger.close();
  }
}
