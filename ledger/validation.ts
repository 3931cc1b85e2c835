import { LedgerError } from './errors.ts';
import type { DeliveredOutput, HoldRequest, ReleaseRequest } from './ledger.ts';
import { MAX_MONEY } from './money.ts';

/** @throws LedgerError ARGUMENT_INVALID */
export function assertText(field: string, value: string): void {
  if (value === '' || !value.isWellFormed() || value.includes('\0'))
    throw invalid(field, JSON.stringify(value), 'non-empty text');
}

/** @throws LedgerError ARGUMENT_INVALID */
export function assertInteger(field: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least)
    throw invalid(field, String(value), `an integer of at least ${least}`);
}

/** @throws LedgerError MONEY_INVALID */
export function assertAmount(field: string, value: bigint, least: bigint): void {
  if (value < least || value > MAX_MONEY) {
    throw new LedgerError(
      'MONEY_INVALID',
      `${field} is ${value} micro-currency; it must be from ${least} to ${MAX_MONEY}`,
    );
  }
}

/** Checks everything of a hold that needs no books; gives the total. @throws LedgerError ARGUMENT_INVALID, MONEY_INVALID */
export function assertHold(request: HoldRequest): bigint {
  for (const field of ['namespace', 'jobUID', 'provider', 'node'] as const) assertText(field, request[field]);
  assertInteger('attempt', request.attempt, 1);
  if (request.verifies !== undefined) {
    assertInteger('verifies', request.verifies, 1);
    if (request.purpose === 'Work')
      throw invalid('verifies', String(request.verifies), 'it only to a re-execution, not to Work');
  }
  if (request.shards.length === 0) throw invalid('shards', '[]', 'at least one shard');
  const seen = new Set<number>();
  let total = 0n;
  for (const { index, records, amount } of request.shards) {
    assertInteger('shards[].index', index, 0);
    assertInteger(`records of shard ${index}`, records, 0);
    assertAmount(`amount of shard ${index}`, amount, 0n);
    if (seen.has(index)) throw invalid('shards[].index', String(index), 'each index once');
    seen.add(index);
    total += amount;
  }
  assertAmount('total of the attempt', total, 0n);
  return total;
}

/** @throws LedgerError ARGUMENT_INVALID unless the outputs, when given, are of exactly these shards */
export function outputsByShard({ outputs }: ReleaseRequest, shards: readonly number[]): Map<number, DeliveredOutput> {
  const byShard = new Map((outputs ?? []).map((output) => [output.shardIndex, output] as const));
  const fits =
    byShard.size === outputs?.length && byShard.size === shards.length && shards.every((index) => byShard.has(index));
  for (const { shardIndex, sha256, sizeBytes } of byShard.values()) {
    assertInteger(`sizeBytes of shard ${shardIndex}`, sizeBytes, 0);
    if (!/^[0-9a-f]{64}$/.test(sha256)) {
      throw invalid(`sha256 of shard ${shardIndex}`, JSON.stringify(sha256), '64 lower-case hexadecimal digits');
    }
  }
  if (outputs === undefined || fits) return byShard;
  const given = outputs.map(({ shardIndex }) => shardIndex).join(', ');
  throw invalid('outputs', `of shards ${given}`, `each of ${shards.join(', ') || 'none'} once`);
}

function invalid(field: string, value: string, remedy: string): LedgerError {
  return new LedgerError('ARGUMENT_INVALID', `${field} is ${value}; give ${remedy}`);
}
