import { existsSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database, Sql, SqlValue } from './database.ts';
import { LedgerError, missing } from './errors.ts';
import { assertInvariants, corrupt } from './invariants.ts';
import { isBusy, translateSqliteError } from './sqlite-errors.ts';
import { APPLICATION_ID, SCHEMA, SCHEMA_VERSION, UPGRADE_FROM_1 } from './sqlite-schema.ts';

/** How long a writer waits for another process's transaction; ours take well under a millisecond, so this is a stuck disk. */
const BUSY_MILLISECONDS = 5_000;

/** SQLite waits in the thread, and all else of the process with it; beyond this a writer waits outside of it. */
const BLOCKING_MILLISECONDS = 20;

/** Opens the file. @param create makes the file and the schema where there are none @throws LedgerError LEDGER_* */
export function openSqliteDatabase(path: string, create: boolean): Database {
  // SQLite would make an empty file, which is worse than none: it hides the slip.
  if (!create && !existsSync(path)) throw missing(path);
  let db: DatabaseSync | undefined;
  try {
    // Nothing else goes on yet, so opening may wait in the thread.
    db = new DatabaseSync(path, { timeout: BUSY_MILLISECONDS, readBigInts: true });
    // FULL: a commit is on the disk before the caller hears of it; WAL alone would lose the last ones with the power.
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;');
    db.exec('BEGIN IMMEDIATE');
    migrate(db, path, create);
    db.exec(`COMMIT; PRAGMA busy_timeout = ${BLOCKING_MILLISECONDS}`);
    return new SqliteDatabase(db, path);
  } catch (error) {
    db?.close();
    throw translateSqliteError(error, path);
  }
}

/** One connection: its transactions, and what is read outside of them, come one after another. */
export class SqliteDatabase implements Database {
  readonly #db: DatabaseSync;
  /** For messages. */
  readonly #path: string;
  readonly #sql: Sql;
  #last: Promise<unknown> = Promise.resolve();

  constructor(db: DatabaseSync, path: string) {
    this.#db = db;
    this.#path = path;
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
      await this.#beginWrite();
      return this.#finish(body);
    });
  }

  async snapshot<T>(body: (sql: Sql) => Promise<T>): Promise<T> {
    // Reads one state of the file, as the write-ahead log keeps it: nobody's writes wait for all rows to be read.
    return this.#inTurn(async () => {
      this.#db.exec('BEGIN');
      return this.#finish(body);
    });
  }

  async check(): Promise<void> {
    await this.snapshot(checkAll);
  }

  async close(): Promise<void> {
    await this.#inTurn(async () => this.#db.close());
  }

  /** IMMEDIATE takes the write lock first, so what is read after it is still true when it is written. */
  async #beginWrite(): Promise<void> {
    const giveUpAt = performance.now() + BUSY_MILLISECONDS;
    for (;;) {
      try {
        return this.#db.exec('BEGIN IMMEDIATE');
      } catch (error) {
        if (!isBusy(error) || performance.now() > giveUpAt) throw error;
      }
      await sleep(BLOCKING_MILLISECONDS);
    }
  }

  async #finish<T>(body: (sql: Sql) => Promise<T>): Promise<T> {
    try {
      const result = await body(this.#sql);
      this.#db.exec('COMMIT');
      return result;
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
  }

  async #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#last.then(action).catch((error: unknown) => {
      throw translateSqliteError(error, this.#path);
    });
    this.#last = result.catch(() => undefined); // the caller hears of it; the next one's turn comes all the same
    return result;
  }
}

async function checkAll(sql: Sql): Promise<void> {
  const [pages] = await sql.all<{ quick_check: string }>('PRAGMA quick_check(1)');
  if (pages?.quick_check !== 'ok') throw corrupt('the pages of the file are sound', String(pages?.quick_check));
  const [dangling] = await sql.all<{ table: string; parent: string }>('PRAGMA foreign_key_check');
  if (dangling) throw corrupt('every reference has its row', `${dangling.table} → ${dangling.parent}`);
  await assertInvariants(sql);
}

function migrate(db: DatabaseSync, path: string, create: boolean): void {
  const pragma = (name: string) => Number(Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0]);
  const version = pragma('user_version');
  const application = pragma('application_id');
  if (application === 0 && version === 0 && db.prepare('SELECT 1 FROM sqlite_schema').get() === undefined) {
    if (!create) throw missing(path);
    db.exec(`${SCHEMA} PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION};`);
  } else if (application !== APPLICATION_ID) {
    throw new LedgerError(
      'LEDGER_VERSION',
      `${path} is a database of another program; give the ledger a file of its own`,
    );
  } else if (version === 1) {
    db.exec(`${UPGRADE_FROM_1} PRAGMA user_version = ${SCHEMA_VERSION};`);
  } else if (version !== SCHEMA_VERSION) {
    throw new LedgerError(
      'LEDGER_VERSION',
      `${path} has schema version ${version}, this program knows ${SCHEMA_VERSION}; run the newer program`,
    );
  }
}
