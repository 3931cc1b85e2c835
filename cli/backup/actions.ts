import { existsSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { CliError } from '../errors.ts';
import { withConnection } from '../kubectl/connection.ts';
import { withLedger, type LedgerOptions } from '../ledger-commands/open-ledger.ts';
import { render, table } from '../output.ts';
import { writeArchive, readArchive, type Counts } from './archive.ts';
import { collectObjects } from './collect.ts';
import { leadInstead } from './lead.ts';
import { assertRestorable, ensureNamespace, restoreAll, type Restored } from './restore.ts';

interface HubOptions extends Omit<LedgerOptions, 'output'> {
  readonly kubeconfig?: string;
  readonly context?: string;
}

export type BackupOptions = HubOptions & { readonly output: string; readonly secrets: boolean };
export type RestoreOptions = HubOptions & Pick<LedgerOptions, 'output'> & { readonly replace?: true };

/** Writes the objects of the hub and the ledger into one file, and prints what it holds. */
export async function backUp({ output, secrets, ...hub }: BackupOptions): Promise<void> {
  if (output !== '-' && existsSync(output))
    throw new CliError('FILE_EXISTS', `--output ${output} exists; name a new file`);
  const written = await withLedger(hub, async (ledger) =>
    withConnection(hub, async ({ client }) => {
      // Nothing is written before the hub and the ledger have answered.
      const { header, objects } = await collectObjects(client, Date.now(), { withoutSecrets: !secrets });
      await ledger.check();
      return toFile(output, (to) =>
        writeArchive(to, header, async (write) => {
          for (const object of objects) await write(object);
          await ledger.export(write);
        }),
      );
    }),
  );
  process.stderr.write(countsText(written));
  if (secrets)
    process.stderr.write(
      "warning: it holds the operator's Secret; who reads it can foresee which rows are checked: keep it as you keep Secrets\n",
    );
}

/** Makes a hub and a ledger what the backup in a file says, and prints what was done. */
export async function restoreBackup(file: string, options: RestoreOptions): Promise<void> {
  const archive = await readArchive(file);
  const restored = await withLedger({ ...options, create: true }, async (ledger) =>
    withConnection(options, async ({ client }) => {
      const deps = { client, ledger, archive, replace: options.replace ?? false };
      await assertRestorable(deps);
      await ensureNamespace(client);
      return leadInstead(client, (leading) => restoreAll(deps, leading));
    }),
  );
  process.stdout.write(render(restored, options.output, () => restoredText(restored)));
}

/** Readable by its owner only, and there once it is whole. */
async function toFile<T>(path: string, write: (to: Writable) => Promise<T>): Promise<T> {
  if (path === '-') return write(process.stdout);
  const partial = `${path}.partial`;
  const file = await open(partial, 'w', 0o600);
  try {
    const result = await write(file.createWriteStream({ flush: true }));
    await rename(partial, path);
    return result;
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

function countsText({ objects, rows }: Pick<Counts, 'objects' | 'rows'>): string {
  return table(
    ['KIND OR TABLE', 'COUNT'],
    [...Object.entries(objects), ...Object.entries(rows)].map(([name, count]) => [name, String(count)]),
  );
}

function restoredText({ objects, ledger, refunded, toEnrol }: Restored): string {
  const books =
    ledger === 'restored' ? 'The ledger was restored.' : 'The ledger had been restored from this backup before.';
  const holds = refunded === 0 ? '' : `${refunded} holds of jobs that are not in the backup were given back.\n`;
  const enrol = toEnrol.map((name) => `  kubectl isochrone edge token create ${name}\n`).join('');
  return [
    countsText({ objects, rows: {} }),
    `${books}\n${holds}Now start the operator, with this ledger.\n`,
    enrol === ''
      ? ''
      : `Credentials of members do not come back. Have these join again, once the operator runs:\n${enrol}`,
  ].join('');
}
