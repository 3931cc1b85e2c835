import { BooksLedger } from './books-ledger.ts';
import type { Ledger } from './ledger.ts';
import { openPostgresDatabase } from './postgres-database.ts';
import { openSqliteDatabase } from './sqlite-database.ts';

export interface LedgerOptions {
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Whether the location names a server, which several processes may use at once, and not a file. */
export function isPostgres(location: string): boolean {
  return /^postgres(ql)?:\/\//.test(location);
}

/**
 * Opens the books, and makes them where there are none: `postgresql://…` in PostgreSQL (connected to by the first call), all
 * else is the path of a SQLite file.
 * @throws LedgerError LEDGER_VERSION, LEDGER_CORRUPT, LEDGER_BUSY, LEDGER_UNAVAILABLE (SQLite); ARGUMENT_INVALID for a malformed URL
 */
export function openLedger(location: string, { now }: LedgerOptions): Ledger {
  const database = isPostgres(location) ? openPostgresDatabase(location) : openSqliteDatabase(location);
  return new BooksLedger(database, now);
}
