import type { Books } from './books.ts';
import { importRows, type DumpRow } from './dump.ts';
import { LedgerError } from './errors.ts';

/**
 * Numbers that no attempt can have had before, by the clock: nothing else is left that knows what was given out after the
 * backup was made. Attempts are 32 bits wide (proto/digest.md): four a second from 2026 on last until 2060. A number would
 * come again only if one job had more than that since the books were restored from the same backup before; then the object
 * of the earlier attempt is in its place, and the attempt fails.
 * @param now milliseconds since 1970
 */
export function attemptFloor(now: number): number {
  return Math.floor((now - Date.UTC(2026, 0)) / 250);
}

/** @throws LedgerError LEDGER_NOT_EMPTY, DUMP_INVALID */
export async function restoreBooks(
  books: Books,
  source: string,
  rows: AsyncIterable<DumpRow>,
  now: number,
): Promise<'restored' | 'replayed'> {
  const earlier = await books.get<{ source: string }>('SELECT source FROM restoration');
  // Whoever was interrupted after this goes on from here.
  if (earlier?.source === source) return 'replayed';
  const used = await books.get<{ posting: bigint; attempt: bigint; receipt: bigint }>(
    `SELECT (SELECT COUNT(*) FROM posting) AS posting, (SELECT COUNT(*) FROM attempt) AS attempt,
       (SELECT COUNT(*) FROM receipt) AS receipt`,
  );
  if (earlier !== undefined || Object.values(used!).some((count) => count > 0n)) {
    throw new LedgerError(
      'LEDGER_NOT_EMPTY',
      `the ledger has ${used!.posting} postings and ${used!.attempt} attempts; restore into a new file or database, and keep this one`,
    );
  }
  const { token, newestAt } = await importRows(books, rows);
  // Both are counted on from the clock.
  if (now < newestAt || attemptFloor(now) < 0) {
    throw new LedgerError(
      'ARGUMENT_INVALID',
      `the clock of this machine says ${new Date(now).toISOString()}, the newest entry is of ${new Date(newestAt).toISOString()}; set the clock`,
    );
  }
  const current = await books.get<{ token: bigint }>('SELECT token FROM leadership');
  const newest = [token, current?.token ?? 0n, BigInt(now)].reduce((most, one) => (one > most ? one : most));
  await books.run(
    `INSERT INTO leadership VALUES (1, ?, 'restore', ?)
     ON CONFLICT (id) DO UPDATE SET token = excluded.token, holder = excluded.holder, acquired_at = excluded.acquired_at`,
    newest + 1n,
    now,
  );
  const highest = await books.get<{ attempt: bigint }>('SELECT COALESCE(MAX(attempt), 0) AS attempt FROM attempt');
  const floor = Math.max(attemptFloor(now), Number(highest!.attempt));
  await books.run('INSERT INTO restoration VALUES (1, ?, ?, ?)', source, floor, now);
  return 'restored';
}
