import type { Sql, SqlValue } from './database.ts';
import type { AttemptKey, HoldState, PostingKind } from './ledger.ts';
import type { AttemptRow } from './rows.ts';

/** The rows of the books: what the rules in books-ledger.ts read and write. Every method runs in the caller's transaction. */
export class Books {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** Moves `amount` as one balanced, sealed posting; gives its number. */
  async post(
    kind: PostingKind,
    reference: string,
    from: string,
    to: string,
    amount: bigint,
    at: number,
  ): Promise<bigint> {
    // Not numbered by the engine: no other process writes meanwhile, and a restored posting keeps its number.
    const insert = `INSERT INTO posting (id, kind, reference, at)
      VALUES ((SELECT COALESCE(MAX(id), 0) + 1 FROM posting), ?, ?, ?) RETURNING id`;
    const { id } = (await this.get<{ id: bigint }>(insert, kind, reference, at))!;
    const entries = [
      [from, -amount],
      [to, amount],
    ] as const;
    for (const [line, [account, signed]] of entries.entries()) {
      await this.run('INSERT INTO account (name) VALUES (?) ON CONFLICT DO NOTHING', account);
      await this.run('INSERT INTO entry VALUES (?, ?, ?, ?)', id, line, account, signed);
    }
    await this.run('INSERT INTO posting_seal VALUES (?)', id);
    return id;
  }

  async balance(account: string): Promise<bigint> {
    const row = await this.get<{ balance: bigint }>('SELECT balance FROM account WHERE name = ?', account);
    return row?.balance ?? 0n;
  }

  async attempt({ jobUID, attempt }: AttemptKey): Promise<AttemptRow | undefined> {
    return this.get('SELECT * FROM attempt WHERE job_uid = ? AND attempt = ?', jobUID, attempt);
  }

  /** Of a job in restored books also what it may have had after the backup was made. */
  async highestAttempt(jobUID: string): Promise<number> {
    const query = `SELECT COALESCE((SELECT MAX(attempt) FROM attempt WHERE job_uid = ?), 0) AS highest,
      COALESCE((SELECT attempt_floor FROM restoration), 0) AS floor`;
    const { highest, floor } = (await this.get<{ highest: bigint; floor: bigint }>(query, jobUID))!;
    return Math.max(Number(highest), Number(floor));
  }

  /** In order of index. */
  async shards({ jobUID, attempt }: AttemptKey): Promise<{ shard_index: bigint; records: bigint; amount: bigint }[]> {
    const query = `SELECT shard_index, records, amount FROM attempt_shard
      WHERE job_uid = ? AND attempt = ? ORDER BY shard_index`;
    return this.all(query, jobUID, attempt);
  }

  /** The attempt for which a shard of work was paid; undefined while it is not. */
  async paidAttempt(jobUID: string, index: number | bigint): Promise<bigint | undefined> {
    const query = 'SELECT attempt FROM released_shard WHERE job_uid = ? AND shard_index = ?';
    return (await this.get<{ attempt: bigint }>(query, jobUID, index))?.attempt;
  }

  async settle(
    { jobUID, attempt }: AttemptKey,
    to: { state: HoldState; posting: bigint; at: number; reason?: string; charged?: boolean },
  ): Promise<void> {
    await this.run(
      `UPDATE attempt SET state = ?, settle_posting = ?, settled_at = ?, reason = ?, charged = ?
       WHERE job_uid = ? AND attempt = ?`,
      ...[to.state, to.posting, to.at, to.reason ?? null, to.charged ? 1 : 0, jobUID, attempt],
    );
  }

  async get<Row>(query: string, ...values: SqlValue[]): Promise<Row | undefined> {
    return (await this.#sql.all<Row>(query, ...values))[0];
  }

  async all<Row>(query: string, ...values: SqlValue[]): Promise<Row[]> {
    return this.#sql.all(query, ...values);
  }

  async run(query: string, ...values: SqlValue[]): Promise<void> {
    await this.#sql.all(query, ...values);
  }
}
