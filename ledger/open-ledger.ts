import { BooksLedger } from './books-ledger.ts';
import { ClosableDatabase } from './closable-database.ts';
import type { Ledger } from './ledger.ts';
import { openPostgresDatabase } from './postgres-database.ts';
import { openSqliteDatabase } from './sqlite-database.ts';

export interface LedgerOptions {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Whether to make books where there are none; otherwise that is LEDGER_MISSING. Default true. */
  readonly create?: boolean;
}

/** Whether the location names a server, which several processes may use at once, and not a file. */
export function isPostgres(location: string): boolean {
  return /^postgres(ql)?:\/\//.test(location);
}

/**
 * Opens the books, or makes them: `postgresql://…` in PostgreSQL (connected to by the first call), all
 * else is the path of a SQLite file.
 * @throws LedgerError LEDGER_VERSION, LEDGER_CORRUPT, LEDGER_BUSY, LEDGER_UNAVAILABLE, LEDGER_MISSING (SQLite); ARGUMENT_INVALID for a malformed URL
 */
export function openLedger(location: string, { now, create = true }: LedgerOptions): Ledger {
  const open = isPostgres(location) ? openPostgresDatabase : openSqliteDatabase;
  return new BooksLedger(new ClosableDatabase(open(location, create)), now);
}
