import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { AttemptKey, HoldState, PostingKind } from './ledger.ts';
import type { AttemptRow } from './sqlite-rows.ts';

/** The rows of the books: what the rules in sqlite-ledger.ts read and write. Every method runs in the caller's transaction. */
export class SqliteBooks {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** Moves `amount` as one balanced, sealed posting; gives its number. */
  post(kind: PostingKind, reference: string, from: string, to: string, amount: bigint, at: number): bigint {
    const insert = 'INSERT INTO posting (kind, reference, at) VALUES (?, ?, ?) RETURNING id';
    const { id } = this.get<{ id: bigint }>(insert, kind, reference, at)!;
    const entries = [
      [from, -amount],
      [to, amount],
    ] as const;
    for (const [line, [account, signed]] of entries.entries()) {
      this.run('INSERT INTO account (name) VALUES (?) ON CONFLICT DO NOTHING', account);
      this.run('INSERT INTO entry VALUES (?, ?, ?, ?)', id, line, account, signed);
    }
    this.run('INSERT INTO posting_seal VALUES (?)', id);
    return id;
  }

  balance(account: string): bigint {
    return this.get<{ balance: bigint }>('SELECT balance FROM account WHERE name = ?', account)?.balance ?? 0n;
  }

  attempt({ jobUID, attempt }: AttemptKey): AttemptRow | undefined {
    return this.get('SELECT * FROM attempt WHERE job_uid = ? AND attempt = ?', jobUID, attempt);
  }

  highestAttempt(jobUID: string): number {
    const query = 'SELECT IFNULL(MAX(attempt), 0) AS highest FROM attempt WHERE job_uid = ?';
    return Number(this.get<{ highest: bigint }>(query, jobUID)!.highest);
  }

  /** In order of index. */
  shards({ jobUID, attempt }: AttemptKey): { shard_index: bigint; records: bigint; amount: bigint }[] {
    const query = `SELECT shard_index, records, amount FROM attempt_shard
      WHERE job_uid = ? AND attempt = ? ORDER BY shard_index`;
    return this.all(query, jobUID, attempt);
  }

  /** The attempt for which a shard of work was paid; undefined while it is not. */
  paidAttempt(jobUID: string, index: number | bigint): bigint | undefined {
    const query = 'SELECT attempt FROM released_shard WHERE job_uid = ? AND shard_index = ?';
    return this.get<{ attempt: bigint }>(query, jobUID, index)?.attempt;
  }

  settle(
    { jobUID, attempt }: AttemptKey,
    to: { state: HoldState; posting: bigint; at: number; reason?: string; charged?: boolean },
  ): void {
    this.run(
      `UPDATE attempt SET state = ?, settle_posting = ?, settled_at = ?, reason = ?, charged = ?
       WHERE job_uid = ? AND attempt = ?`,
      ...[to.state, to.posting, to.at, to.reason ?? null, to.charged ? 1 : 0, jobUID, attempt],
    );
  }

  /** The caller knows the columns that its own query names. */
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters
  get<Row>(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#prepare(sql).get(...values) as Row | undefined;
  }

  all<Row>(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#prepare(sql).all(...values) as Row[];
  }

  run(sql: string, ...values: SQLInputValue[]): void {
    this.#prepare(sql).run(...values);
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) this.#statements.set(sql, (statement = this.#db.prepare(sql)));
    return statement;
  }
}
