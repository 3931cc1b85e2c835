import { DatabaseSync } from 'node:sqlite';
import { LedgerError } from './errors.ts';
import { APPLICATION_ID, SCHEMA, SCHEMA_VERSION } from './schema.ts';

/** How long a writer waits for another process's transaction; ours take well under a millisecond, so this is a stuck disk. */
const BUSY_MILLISECONDS = 5_000;

/** Primary result codes, https://www.sqlite.org/rescode.html */
const SQLITE_BUSY = 5;
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

/** Opens the file, creating the schema in an empty one. @throws LedgerError LEDGER_VERSION, LEDGER_CORRUPT, LEDGER_BUSY */
export function openDatabase(path: string): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: BUSY_MILLISECONDS, readBigInts: true });
  try {
    translateErrors(() => {
      // FULL: a commit is on the disk before the caller hears of it; WAL alone would lose the last ones with the power.
      db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;');
      transaction(db, () => migrate(db, path));
    });
  } catch (error) {
    db.close();
    throw error;
  }
  return db;
}

/** Runs `body` in one write transaction: all of it or nothing. @throws what `body` throws; LedgerError LEDGER_BUSY, LEDGER_CORRUPT */
export function transaction<T>(db: DatabaseSync, body: () => T): T {
  return translateErrors(() => {
    // IMMEDIATE takes the write lock first, so what is read here is still true when it is written.
    db.exec('BEGIN IMMEDIATE');
    try {
      const result = body();
      db.exec('COMMIT');
      return result;
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK');
      throw error;
    }
  });
}

function migrate(db: DatabaseSync, path: string): void {
  const pragma = (name: string) => Number(Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0]);
  const version = pragma('user_version');
  const application = pragma('application_id');
  if (application === 0 && version === 0 && db.prepare('SELECT 1 FROM sqlite_schema').get() === undefined) {
    db.exec(`${SCHEMA} PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION};`);
  } else if (application !== APPLICATION_ID) {
    throw new LedgerError(
      'LEDGER_VERSION',
      `${path} is a database of another program; give the ledger a file of its own`,
    );
  } else if (version !== SCHEMA_VERSION) {
    throw new LedgerError(
      'LEDGER_VERSION',
      `${path} has schema version ${version}, this program knows ${SCHEMA_VERSION}; run the newer program`,
    );
  }
}

function translateErrors<T>(body: () => T): T {
  try {
    return body();
  } catch (error) {
    const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : undefined;
    if (code === SQLITE_BUSY)
      throw new LedgerError('LEDGER_BUSY', 'another process holds the ledger; try again', { cause: error });
    if (code === SQLITE_CORRUPT || code === SQLITE_NOTADB) {
      throw new LedgerError('LEDGER_CORRUPT', `SQLite cannot read the file: ${String(error)}; restore a backup`, {
        cause: error,
      });
    }
    throw error;
  }
}
