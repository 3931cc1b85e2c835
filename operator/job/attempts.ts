import { taskFailures } from '@isochrone/api';
import type { AttemptRecord, DeliveredOutput, HoldState, Purpose } from '@isochrone/ledger';

export interface AttemptShard {
  readonly index: number;
  readonly records: number;
  readonly amount: bigint;
  readonly output: DeliveredOutput | undefined;
}

/** One attempt of a job as the ledger has it, its shards together. */
export interface Attempt {
  readonly attempt: number;
  readonly purpose: Purpose;
  /** The attempt of work that this one re-executes. */
  readonly verifies: number | undefined;
  readonly state: HoldState;
  readonly reason: string | undefined;
  readonly charged: boolean;
  readonly cluster: string;
  readonly node: string;
  readonly provider: string;
  readonly heldAt: number;
  /** Undefined while it is held. */
  readonly settledAt: number | undefined;
  readonly shards: readonly AttemptShard[];
  readonly records: number;
  readonly amount: bigint;
}

/** The ledger's name of a node: nodes of two clusters may have one name. */
export function ledgerNode(cluster: string, node: string): string {
  return `${cluster}/${node}`;
}

/** Reasons of refunds that say nothing against node, model or input. */
const blameless = new Set(['NeverStarted', 'Suspended', 'JobDeleted', 'JobFailed', 'Superseded', 'InputNotComposed']);

/** Whether the attempt came to an end that is held against somebody. */
export function isFailure({ state, reason }: Pick<Attempt, 'state' | 'reason'>): boolean {
  return state === 'Refunded' && !blameless.has(reason ?? '');
}

/** What an edge says of the input that the hub can see for itself. */
const seenByHub = new Set<string>(['InputChanged', 'InputNotFound'] satisfies (typeof taskFailures.Input)[number][]);
/** What the hub says of signed outputs that are not of the model's form: that the model gives them is the edge's word too. */
const offForm = 'OutputOffForm';
const claims = new Set<string>([
  offForm,
  ...[...taskFailures.Model, ...taskFailures.Input, ...taskFailures.Output].filter((reason) => !seenByHub.has(reason)),
]);

/** Whether the reason is an edge's word, and no more, that model or input are at fault. */
export function isClaim(reason: string | undefined): boolean {
  return reason !== undefined && claims.has(reason);
}

/** Groups the ledger's rows, which come by attempt, then shard. */
export function groupAttempts(rows: readonly AttemptRecord[]): Attempt[] {
  const attempts: Attempt[] = [];
  for (let start = 0; start < rows.length;) {
    const first = rows[start]!;
    let end = start;
    while (rows[end]?.attempt === first.attempt) end++;
    const shards = rows
      .slice(start, end)
      .map(({ shardIndex, records, amount, output }) => ({ index: shardIndex, records, amount, output }));
    const slash = first.node.indexOf('/');
    attempts.push({
      attempt: first.attempt,
      purpose: first.purpose,
      verifies: first.verifies,
      state: first.state,
      reason: first.reason,
      charged: first.charged,
      cluster: first.node.slice(0, slash),
      node: first.node.slice(slash + 1),
      provider: first.provider,
      heldAt: first.heldAt,
      settledAt: first.settledAt,
      shards,
      records: shards.reduce((sum, { records }) => sum + records, 0),
      amount: shards.reduce((sum, { amount }) => sum + amount, 0n),
    });
    start = end;
  }
  return attempts;
}
