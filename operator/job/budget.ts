import type { InferenceJob } from '@isochrone/api';
import { parseMoney } from '@isochrone/ledger';
import type { Attempt } from './attempts.ts';
import { composedRecords, sampleOf } from './sample.ts';

/** What of the budget is neither paid nor held, in micro-currency; re-execution counts like work. */
export function remainingBudget(job: InferenceJob, attempts: readonly Attempt[]): bigint {
  const used = attempts.filter(({ state }) => state !== 'Refunded').reduce((sum, { amount }) => sum + amount, 0n);
  return parseMoney(job.spec.budget.total) - used;
}

/** A peer may ask for more than the node it checks. */
const reserveFactor = 2n;

/** What the re-execution of a window may cost, when the window costs `amount`. */
export function verificationReserve(job: InferenceJob, records: number, amount: bigint): bigint {
  const again = composedRecords(sampleOf(job, records), records);
  return (amount * BigInt(again) * reserveFactor + BigInt(records) - 1n) / BigInt(records);
}

/** What may be held for new work, when every open window is still to be verified. Negative when nothing is left. */
export function budgetForWork(job: InferenceJob, attempts: readonly Attempt[]): bigint {
  const verifying = new Set(attempts.filter(({ state }) => state !== 'Refunded').map(({ verifies }) => verifies));
  const waiting = attempts.filter(
    ({ purpose, state, attempt }) => purpose === 'Work' && state === 'Held' && !verifying.has(attempt),
  );
  const reserved = waiting.reduce((sum, { records, amount }) => sum + verificationReserve(job, records, amount), 0n);
  return remainingBudget(job, attempts) - reserved;
}

/** The highest price, in micro-currency per thousand reference seconds, at which work and its re-execution fit; 0 when none does. */
export function affordablePrice(
  job: InferenceJob,
  records: number,
  referenceNanoseconds: number,
  available: bigint,
): bigint {
  const again = composedRecords(sampleOf(job, records), records);
  const nanoseconds =
    BigInt(records) * BigInt(referenceNanoseconds) + BigInt(again) * BigInt(referenceNanoseconds) * reserveFactor;
  return available <= 0n ? 0n : (available * 10n ** 12n) / nanoseconds;
}
