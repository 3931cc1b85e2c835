import type { InferenceJob } from '@isochrone/api';
import type { ShardGroup } from './actions.ts';
import { isClaim, isFailure, ledgerNode, type Attempt } from './attempts.ts';
import type { AdmittedInput } from './observed.ts';
import type { JobOptions } from './options.ts';
import { MAX_CHALLENGE_ROWS } from './sample.ts';

export interface GivenUpShard {
  readonly index: number;
  readonly reason: 'BackoffLimitExceeded' | 'VerificationInconclusive';
  readonly message: string;
}

/** The shards of a job, derived from its attempts. */
export interface Shards {
  readonly total: number;
  /** Ascending: neither paid, nor held, nor given up. */
  readonly pending: readonly number[];
  readonly complete: number;
  readonly held: number;
  readonly givenUp: readonly GivenUpShard[];
  /** What failed most of all that is not complete, once it fails again and again. */
  readonly stubborn: string | undefined;
  /** `cluster/node` on which the shard failed, with the last attempt that did. */
  readonly failedNodes: (index: number) => ReadonlyMap<string, number>;
  /** Providers that blamed model or input for it, with when they did last; milliseconds since 1970. */
  readonly claims: (index: number) => ReadonlyMap<string, number>;
  /** Before then it is not run again; milliseconds since 1970. */
  readonly retryAt: (index: number) => number;
}

/** Both reasons end a job in the end: a window that no two nodes agree on is tried as often as one that fails. */
export function deriveShards(job: InferenceJob, input: AdmittedInput, attempts: readonly Attempt[]): Shards {
  const total = shardCount(input.records, job.spec.recordsPerShard);
  const limit = job.spec.backoffLimitPerShard;
  const state = new Uint8Array(total);
  const charges = new Map<number, number>();
  const inconclusive = new Map<number, number>();
  const failedNodes = new Map<number, Map<string, number>>();
  const claims = new Map<number, Map<string, number>>();
  const failures = new Map<number, number>();
  const lastFailure = new Map<number, Attempt>();
  for (const attempt of attempts) {
    if (attempt.purpose !== 'Work') continue;
    for (const { index } of attempt.shards) {
      if (index >= total) continue;
      if (attempt.state === 'Released') state[index] = isComplete;
      else if (attempt.state === 'Held') state[index] ||= isHeld;
      else {
        const reason = attempt.reason ?? '';
        if (attempt.charged) charges.set(index, (charges.get(index) ?? 0) + 1);
        if (reason === 'VerificationInconclusive') inconclusive.set(index, (inconclusive.get(index) ?? 0) + 1);
        if (isFailure(attempt)) {
          failures.set(index, (failures.get(index) ?? 0) + 1);
          lastFailure.set(index, attempt);
          if (isClaim(reason)) {
            const claimed = claims.get(index) ?? new Map<string, number>();
            claims.set(index, claimed.set(attempt.provider, endOf(attempt)));
          }
          const nodes = failedNodes.get(index) ?? new Map<string, number>();
          failedNodes.set(index, nodes.set(ledgerNode(attempt.cluster, attempt.node), attempt.attempt));
        }
      }
    }
  }
  const failureMessage = (index: number, times: number): string => {
    const { cluster, node, reason } = lastFailure.get(index)!;
    return `failed ${times} times, the last time on ${ledgerNode(cluster, node)} with ${reason ?? ''}`;
  };
  const givenUp: GivenUpShard[] = [];
  let mostFailures = freeRetries;
  let stubborn: string | undefined;
  const pending: number[] = [];
  let complete = 0;
  let held = 0;
  for (let index = 0; index < total; index++) {
    const failed = failures.get(index) ?? 0;
    if (failed > mostFailures && state[index] !== isComplete) {
      mostFailures = failed;
      stubborn = `shard ${index} ${failureMessage(index, failed)}`;
    }
    if (state[index] === isComplete) complete++;
    else if (state[index] === isHeld) held++;
    else if ((charges.get(index) ?? 0) > limit) {
      givenUp.push({ index, reason: 'BackoffLimitExceeded', message: failureMessage(index, charges.get(index)!) });
    } else if ((inconclusive.get(index) ?? 0) > limit) {
      const message = `${inconclusive.get(index) ?? 0} times no two nodes agreed on it`;
      givenUp.push({ index, reason: 'VerificationInconclusive', message });
    } else pending.push(index);
  }
  return {
    total,
    pending,
    complete,
    held,
    givenUp,
    stubborn,
    failedNodes: (index) => failedNodes.get(index) ?? new Map<string, number>(),
    claims: (index) => claims.get(index) ?? new Map<string, number>(),
    retryAt: (index) => {
      const last = lastFailure.get(index);
      return last === undefined ? 0 : endOf(last) + retryDelay(failures.get(index) ?? 0);
    },
  };
}

/** When an attempt was settled, or at least held. */
export function endOf({ settledAt, heldAt }: Attempt): number {
  return settledAt ?? heldAt;
}

const freeRetries = 2;

/** Two retries at once, on other nodes; then 2, 4, 8 s, up to five minutes: what fails everywhere must not burn the fleet. */
export function retryDelay(failures: number): number {
  return failures <= freeRetries ? 0 : Math.min(2000 * 2 ** (failures - freeRetries - 1), 300_000);
}

/** How long another provider that is full or not ready is waited for, to hear its word on a shard that one could not run. */
const otherProviderMilliseconds = 600_000;

const isHeld = 1;
const isComplete = 2;

export function shardCount(records: number, recordsPerShard: number): number {
  return Math.ceil(records / recordsPerShard);
}

/**
 * Packs pending shards into at most `slots` tasks: contiguous, so that a window is one range of the input, and each a share
 * of what is left, so that tasks get smaller towards the end and no slow node is waited for with much of the work (guided
 * self-scheduling, Polychronopoulos and Kuck 1987). A shard that may have failed on its own account goes alone: it then spoils
 * no other, and to another provider, whose word makes it count.
 */
export function packShards(
  shards: Shards,
  job: InferenceJob,
  input: AdmittedInput,
  slots: number,
  options: JobOptions,
  now: number,
): ShardGroup[] {
  const due = shards.pending.filter((index) => shards.retryAt(index) <= now);
  if (slots <= 0) return [];
  const { recordsPerShard, verification } = job.spec;
  const percent = verification.mode === 'Full' ? 100 : verification.minSamplePercent;
  // Windows small enough that a challenge can name the sample; a Full window needs no challenge.
  const challengeable = percent === 100 ? options.maxRecordsPerTask : Math.floor((MAX_CHALLENGE_ROWS * 100) / percent);
  const mostRecords = Math.min(options.maxRecordsPerTask, challengeable);
  const most = Math.max(
    1,
    Math.min(
      options.maxShardsPerTask,
      Math.floor(mostRecords / recordsPerShard),
      Math.ceil(shards.pending.length / (2 * job.spec.parallelism)),
    ),
  );
  const groups: number[][] = [];
  for (const index of due) {
    const last = groups.at(-1);
    const previous = last?.at(-1);
    const fits = last !== undefined && last.length < most && previous === index - 1;
    if (fits && shards.claims(index).size === 0 && shards.claims(previous).size === 0) last.push(index);
    else if (groups.length < slots) groups.push([index]);
    else break;
  }
  return groups.map((indices) => ({
    shards: indices.map((index) => {
      const firstRecord = index * recordsPerShard;
      return { index, firstRecord, records: Math.min(recordsPerShard, input.records - firstRecord) };
    }),
    excludedNodes: oldestFailureFirst(indices.map((index) => shards.failedNodes(index))),
    excludedProviders: [...shards.claims(indices[0]!)]
      .filter(([, at]) => now < at + otherProviderMilliseconds)
      .map(([provider]) => provider),
  }));
}

/** By the last failure: a node that fails again moves to the end, or it alone would be tried for ever once all have failed. */
function oldestFailureFirst(failures: readonly ReadonlyMap<string, number>[]): string[] {
  const last = new Map<string, number>();
  for (const [node, attempt] of failures.flatMap((one) => [...one]))
    last.set(node, Math.max(attempt, last.get(node) ?? 0));
  return [...last].toSorted(([, a], [, b]) => a - b).map(([node]) => node);
}
