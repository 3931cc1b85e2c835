import type { Database, Sql, SqlValue } from './database.ts';
import { LedgerError } from './errors.ts';

/**
 * Ends an engine in order: what was asked for before `close` is answered, what is asked for after it is refused. Without it each
 * engine's driver has its own words for the latter, and PostgreSQL's forgets who waits for a connection.
 */
export class ClosableDatabase implements Database {
  readonly #database: Database;
  readonly #open = new Set<Promise<unknown>>();
  #closed: Promise<void> | undefined;

  constructor(database: Database) {
    this.#database = database;
  }

  async all<Row>(query: string, ...values: SqlValue[]): Promise<Row[]> {
    return this.#unlessClosed(() => this.#database.all<Row>(query, ...values));
  }

  async write<T>(body: (sql: Sql) => Promise<T>): Promise<T> {
    return this.#unlessClosed(() => this.#database.write(body));
  }

  async snapshot<T>(body: (sql: Sql) => Promise<T>): Promise<T> {
    return this.#unlessClosed(() => this.#database.snapshot(body));
  }

  async check(): Promise<void> {
    await this.#unlessClosed(() => this.#database.check());
  }

  /** May be called more than once. */
  async close(): Promise<void> {
    this.#closed ??= Promise.allSettled(this.#open).then(() => this.#database.close());
    await this.#closed;
  }

  async #unlessClosed<T>(action: () => Promise<T>): Promise<T> {
    if (this.#closed !== undefined) {
      throw new LedgerError(
        'LEDGER_CLOSED',
        'the ledger is closed; await what was asked of it before it is closed, or open it anew',
      );
    }
    const answer = action();
    this.#open.add(answer);
    try {
      return await answer;
    } finally {
      this.#open.delete(answer);
    }
  }
}
