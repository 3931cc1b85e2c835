import type { AttemptRecord, Entry, HeldAttempt, HeldShard, HoldState, PostingKind, Purpose } from './ledger.ts';

/** A row of `attempt`; SQLite integers arrive as bigint. */
export interface AttemptRow {
  readonly job_uid: string;
  readonly attempt: bigint;
  readonly namespace: string;
  readonly provider: string;
  readonly node: string;
  readonly purpose: Purpose;
  readonly verifies: bigint | null;
  readonly amount: bigint;
  readonly state: HoldState;
  readonly reason: string | null;
  readonly charged: bigint;
  readonly held_at: bigint;
  readonly settled_at: bigint | null;
}

/** The shard columns that a join adds. */
export interface ShardRow {
  readonly shard_index: bigint;
  readonly records: bigint;
  readonly shard_amount: bigint;
  readonly sha256: string | null;
  readonly size_bytes: bigint | null;
}

export function toAttemptRecord(row: AttemptRow & ShardRow): AttemptRecord {
  return {
    ...attemptOf(row),
    shardIndex: Number(row.shard_index),
    records: Number(row.records),
    amount: row.shard_amount,
    state: row.state,
    output: row.sha256 === null ? undefined : { sha256: row.sha256, sizeBytes: Number(row.size_bytes) },
    reason: row.reason ?? undefined,
    charged: row.charged === 1n,
    settledAt: row.settled_at === null ? undefined : Number(row.settled_at),
  };
}

/** One attempt for each run of rows with the same key; the rows must be ordered by it. */
export function groupHeldAttempts(rows: readonly (AttemptRow & ShardRow)[]): HeldAttempt[] {
  const attempts: (HeldAttempt & { shards: HeldShard[] })[] = [];
  for (const row of rows) {
    const shard = { index: Number(row.shard_index), records: Number(row.records), amount: row.shard_amount };
    const last = attempts.at(-1);
    if (last?.jobUID === row.job_uid && last.attempt === Number(row.attempt)) last.shards.push(shard);
    else attempts.push({ ...attemptOf(row), shards: [shard] });
  }
  return attempts;
}

export function toEntry(row: { id: bigint; kind: PostingKind; reference: string; at: bigint; amount: bigint }): Entry {
  return { posting: row.id, kind: row.kind, amount: row.amount, reference: row.reference, at: Number(row.at) };
}

function attemptOf(row: AttemptRow) {
  return {
    jobUID: row.job_uid,
    attempt: Number(row.attempt),
    namespace: row.namespace,
    provider: row.provider,
    node: row.node,
    purpose: row.purpose,
    verifies: row.verifies === null ? undefined : Number(row.verifies),
    heldAt: Number(row.held_at),
  };
}

/** One row for each shard of each attempt: {@link AttemptRow} and {@link ShardRow}. */
export const ATTEMPT_SHARDS = `SELECT a.*, s.shard_index, s.records, s.amount AS shard_amount, r.sha256, r.size_bytes
  FROM attempt a JOIN attempt_shard s USING (job_uid, attempt)
  LEFT JOIN released_shard r USING (job_uid, attempt, shard_index)`;
