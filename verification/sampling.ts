import { createHmac } from 'node:crypto';
import { CanonicalEncoder, type Digest } from './canonical-encoder.ts';
import { VerificationError } from './errors.ts';

export type VerificationMode = 'Sampled' | 'Full';

/** Everything that decides a sample: the hub's key, and what the node signed before the key was shown. */
export interface SampleInput {
  /** Key of the epoch (hash-chain.ts). */
  readonly key: Digest;
  readonly root: Digest;
  readonly nodeKey: Digest;
  /** Sequence number of the receipt. */
  readonly sequence: number;
  readonly leafCount: number;
}

/** Two samples take back more than cheating on any share of a window saves, if a caught node forfeits the window: 1-(1-β)² ≥ β for all β. One sample does not. */
const LEAST_SAMPLES = 2;

/**
 * How many of `count` records to re-execute: all in Full mode, else `percent` of them, rounded up, and at least two.
 * @param percent above 0, at most 100; read to four decimals
 * @throws VerificationError SAMPLE_SIZE
 */
export function sampleSize(count: number, mode: VerificationMode, percent: number): number {
  if (!Number.isSafeInteger(count) || count < 0)
    throw new VerificationError('SAMPLE_SIZE', `count is ${count}; it must be a non-negative integer`);
  if (mode === 'Full') return count;
  if (!(percent > 0 && percent <= 100))
    throw new VerificationError('SAMPLE_SIZE', `percent is ${percent}; it must be above 0 and at most 100`);
  // In integers: 1000 × 1.1 % is 11 records, but 1000 * 1.1 / 100 is 11.000000000000002.
  const perMillion = BigInt(Math.max(1, Math.round(percent * 10_000)));
  const share = Number((BigInt(count) * perMillion + 999_999n) / 1_000_000n);
  return Math.min(count, Math.max(LEAST_SAMPLES, share));
}

/**
 * Which records to re-execute: `size` distinct indices in ascending order, uniform, a pure function of its inputs, so that
 * anyone who holds the revealed key can draw them again (proto/digest.md §8).
 * @throws VerificationError SAMPLE_SIZE, FIELD_INVALID
 */
export function sampleIndices(input: SampleInput, size: number): number[] {
  const { leafCount } = input;
  if (!Number.isSafeInteger(size) || size < 0 || size > leafCount) {
    throw new VerificationError(
      'SAMPLE_SIZE',
      `the sample size is ${size}; it must be an integer from 0 to the window's ${leafCount} records`,
    );
  }
  if (leafCount > WORD_RANGE) {
    throw new VerificationError(
      'FIELD_INVALID',
      `leafCount is ${leafCount}; a sample is drawn from at most 2^48 records`,
    );
  }
  if (size === leafCount) return Array.from({ length: size }, (_, index) => index);
  const drawn = new Set<number>();
  for (const word of words(sampleSeed(input))) {
    if (drawn.size === size) break;
    // Words above the largest multiple are drawn again: a plain remainder would favour low indices.
    const limit = WORD_RANGE - (WORD_RANGE % leafCount);
    if (word < limit) drawn.add(word % leafCount);
  }
  return [...drawn].sort((a, b) => a - b);
}

/** HMAC-SHA256(key, root ‖ node ‖ sequence ‖ count). @throws VerificationError FIELD_INVALID */
export function sampleSeed({ key, root, nodeKey, sequence, leafCount }: SampleInput): Digest {
  const message = new CanonicalEncoder()
    .tag('isochrone/sample/v1')
    .digest('root', root)
    .digest('nodeKey', nodeKey)
    .u64('sequence', sequence)
    .u64('leafCount', leafCount)
    .bytes();
  return createHmac('sha256', key).update(message).digest();
}

/** 48 bits: the widest word that a JavaScript number divides exactly. */
const WORD_BYTES = 6;
const WORD_RANGE = 2 ** 48;

/** Endless words: five from each HMAC-SHA256(seed, u64 counter). */
function* words(seed: Digest): Generator<number, never> {
  for (let counter = 0; ; counter++) {
    const block = createHmac('sha256', seed).update(new CanonicalEncoder().u64('counter', counter).bytes()).digest();
    for (let at = 0; at + WORD_BYTES <= block.byteLength; at += WORD_BYTES) yield block.readUIntLE(at, WORD_BYTES);
  }
}
