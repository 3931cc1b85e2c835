import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Database, Sql, SqlValue } from './database.ts';
import { LedgerError } from './errors.ts';
import { assertInvariants, corrupt } from './invariants.ts';
import { APPLICATION_ID, SCHEMA, SCHEMA_VERSION } from './sqlite-schema.ts';

/** How long a writer waits for another process's transaction; ours take well under a millisecond, so this is a stuck disk. */
const BUSY_MILLISECONDS = 5_000;

/** Primary result codes, https://www.sqlite.org/rescode.html */
const SQLITE_BUSY = 5;
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

/** Opens the file, creating the schema in an empty one. @throws LedgerError LEDGER_VERSION, LEDGER_CORRUPT, LEDGER_BUSY */
export function openSqliteDatabase(path: string): Database {
  const db = new DatabaseSync(path, { timeout: BUSY_MILLISECONDS, readBigInts: true });
  try {
    translateErrors(() => {
      // FULL: a commit is on the disk before the caller hears of it; WAL alone would lose the last ones with the power.
      db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;');
      db.exec('BEGIN IMMEDIATE');
      migrate(db, path);
      db.exec('COMMIT');
    });
  } catch (error) {
    db.close();
    throw error;
  }
  return new SqliteDatabase(db);
}

/** One connection: its transactions, and what is read outside of them, come one after another. */
export class SqliteDatabase implements Database {
  readonly #db: DatabaseSync;
  readonly #sql: Sql;
  #last: Promise<unknown> = Promise.resolve();

  constructor(db: DatabaseSync) {
    this.#db = db;
    const statements = new Map<string, StatementSync>();
    this.#sql = {
      async all<Row>(query: string, ...values: SqlValue[]): Promise<Row[]> {
        let statement = statements.get(query);
        if (!statement) statements.set(query, (statement = db.prepare(query)));
        return statement.all(...values) as Row[];
      },
    };
  }

  async all<Row>(query: string, ...values: SqlValue[]): Promise<Row[]> {
    return this.#inTurn(() => this.#sql.all<Row>(query, ...values));
  }

  async write<T>(body: (sql: Sql) => Promise<T>): Promise<T> {
    return this.#inTurn(async () => {
      // IMMEDIATE takes the write lock first, so what is read here is still true when it is written.
      this.#db.exec('BEGIN IMMEDIATE');
      try {
        const result = await body(this.#sql);
        this.#db.exec('COMMIT');
        return result;
      } catch (error) {
        if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
        throw error;
      }
    });
  }

  async check(): Promise<void> {
    await this.write(async (sql) => {
      const [pages] = await sql.all<{ quick_check: string }>('PRAGMA quick_check(1)');
      if (pages?.quick_check !== 'ok') throw corrupt('the pages of the file are sound', String(pages?.quick_check));
      const [dangling] = await sql.all<{ table: string; parent: string }>('PRAGMA foreign_key_check');
      if (dangling) throw corrupt('every reference has its row', `${dangling.table} → ${dangling.parent}`);
      await assertInvariants(sql);
    });
  }

  async close(): Promise<void> {
    await this.#inTurn(async () => this.#db.close());
  }

  async #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#last.then(() => action().catch(rethrow));
    this.#last = result.catch(() => undefined); // the caller hears of it; the next one's turn comes all the same
    return result;
  }
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
    return rethrow(error);
  }
}

function rethrow(error: unknown): never {
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
