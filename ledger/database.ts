/** What a column holds; integers arrive as bigint. */
export type SqlValue = string | number | bigint | null;

/** Runs one statement; `?` marks its parameters, in order. The caller knows the columns that its own query names. */
export interface Sql {
  all<Row>(query: string, ...values: SqlValue[]): Promise<Row[]>;
}

/**
 * What the books need of an engine. `all` outside of a transaction is one statement, consistent in itself. Any method may
 * reject with LedgerError LEDGER_BUSY, LEDGER_UNAVAILABLE or LEDGER_CORRUPT.
 */
export interface Database extends Sql {
  /** Runs `body` in one transaction, all of it or nothing, while no other process writes. */
  write<T>(body: (sql: Sql) => Promise<T>): Promise<T>;
  /** Runs `body` over one state of all rows, while others write on. */
  snapshot<T>(body: (sql: Sql) => Promise<T>): Promise<T>;
  /** Proves the invariants over one state of all rows. @throws LedgerError LEDGER_CORRUPT */
  check(): Promise<void>;
  close(): Promise<void>;
}
