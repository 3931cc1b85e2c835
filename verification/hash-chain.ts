import { CanonicalEncoder, sha256, type Digest } from './canonical-encoder.ts';
import { VerificationError } from './errors.ts';

/** Keys that are revealed one by one, each provably fixed since the head was published (Lamport 1981; proto/digest.md §7). */
export interface HashChain {
  /** Publish this before epoch 1. */
  readonly head: Digest;
  readonly length: number;
  /** Secret until the epoch's windows are committed. @throws VerificationError HASH_CHAIN_EPOCH unless 1 ≤ epoch ≤ length */
  key(epoch: number): Digest;
}

/** Builds a chain of `length` keys from a secret seed of 32 bytes. Keeps all keys: 32 bytes each. @throws VerificationError FIELD_INVALID, HASH_CHAIN_EPOCH */
export function createHashChain(seed: Uint8Array, length: number): HashChain {
  if (!Number.isSafeInteger(length) || length < 1) throw outside(length, 'chain length', Number.MAX_SAFE_INTEGER);
  // keys[e] = H(keys[e + 1]): the last key is derived from the seed, the head is keys[0].
  const keys = new Array<Digest>(length + 1);
  let key = sha256(new CanonicalEncoder().tag('isochrone/hash-chain-seed/v1').digest('seed', seed).bytes());
  for (let epoch = length; epoch >= 0; epoch--) {
    keys[epoch] = key;
    key = previousKey(key);
  }
  return {
    head: keys[0]!,
    length,
    key: (epoch) => {
      if (!Number.isSafeInteger(epoch) || epoch < 1 || epoch > length) throw outside(epoch, 'epoch', length);
      return keys[epoch]!;
    },
  };
}

/** True when `key` is the key of `epoch` in the chain with this head. Costs `epoch` hashes; see {@link verifyKeyFrom} for a shorter way. */
export function verifyKey(head: Digest, epoch: number, key: Digest): boolean {
  return verifyKeyFrom(0, head, epoch, key);
}

/** As {@link verifyKey}, from a key already verified. */
export function verifyKeyFrom(knownEpoch: number, knownKey: Digest, epoch: number, key: Digest): boolean {
  if (!Number.isSafeInteger(epoch) || epoch <= knownEpoch || key.byteLength !== knownKey.byteLength) return false;
  let hash = key;
  for (let step = epoch; step > knownEpoch; step--) hash = previousKey(hash);
  return Buffer.compare(hash, knownKey) === 0;
}

const TAG = new CanonicalEncoder().tag('isochrone/hash-chain/v1').bytes();

function previousKey(key: Digest): Digest {
  return sha256(TAG, key);
}

function outside(value: number, what: string, max: number): VerificationError {
  return new VerificationError('HASH_CHAIN_EPOCH', `${what} is ${value}; it must be an integer from 1 to ${max}`);
}
