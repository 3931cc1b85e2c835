import { DIGEST_BYTES, sha256, type Digest } from './canonical-encoder.ts';
import { VerificationError } from './errors.ts';

/** A claim that `leaf` is number `index` of `leafCount` under `root`. `leafCount` must come from the signed receipt. */
export interface MerkleClaim {
  readonly root: Digest;
  readonly leaf: Digest;
  readonly index: number;
  readonly leafCount: number;
  /** Siblings from the leaf up. A level where the node is the odd one out has none. */
  readonly proof: readonly Digest[];
}

/**
 * Root over leaf hashes: the tree of RFC 6962 §2.1. The odd node of a level moves up as it is; duplicating it instead would
 * give two lists of leaves the same root (CVE-2012-2459).
 * @throws VerificationError MERKLE_EMPTY
 */
export function merkleRoot(leaves: readonly Digest[]): Digest {
  if (leaves.length === 0) throw new VerificationError('MERKLE_EMPTY', 'a commitment needs at least one leaf');
  let level = leaves;
  while (level.length > 1) level = parents(level);
  return level[0]!;
}

/** Audit path of one leaf. @throws VerificationError MERKLE_INDEX */
export function merkleProof(leaves: readonly Digest[], index: number): Digest[] {
  return merkleProofs(leaves, [index])[0]!;
}

/** Audit paths of several leaves; the tree is hashed once. @throws VerificationError MERKLE_INDEX */
export function merkleProofs(leaves: readonly Digest[], indices: readonly number[]): Digest[][] {
  for (const index of indices) assertIndex(index, leaves.length);
  const proofs = indices.map((): Digest[] => []);
  let positions = indices;
  for (let level = leaves; level.length > 1; level = parents(level)) {
    for (const [which, position] of positions.entries()) {
      const sibling = level[position ^ 1];
      if (sibling) proofs[which]!.push(sibling);
    }
    positions = positions.map((position) => Math.floor(position / 2));
  }
  return proofs;
}

/** True when the claim holds. Never throws on hostile proofs: they are false. */
export function verifyMerkleProof({ root, leaf, index, leafCount, proof }: MerkleClaim): boolean {
  if (!Number.isSafeInteger(leafCount) || !Number.isSafeInteger(index) || index < 0 || index >= leafCount) return false;
  if ([root, leaf, ...proof].some((digest) => digest.byteLength !== DIGEST_BYTES)) return false;
  let hash = leaf;
  let used = 0;
  let position = index;
  for (let width = leafCount; width > 1; width = Math.ceil(width / 2)) {
    const right = position % 2 === 1;
    if (right || position + 1 < width) {
      const sibling = proof[used++];
      if (sibling === undefined) return false;
      hash = right ? nodeHash(sibling, hash) : nodeHash(hash, sibling);
    }
    position = Math.floor(position / 2);
  }
  return used === proof.length && Buffer.compare(hash, root) === 0;
}

function parents(level: readonly Digest[]): Digest[] {
  const above: Digest[] = [];
  for (let index = 0; index < level.length; index += 2) {
    const [left, right] = [level[index]!, level[index + 1]];
    above.push(right ? nodeHash(left, right) : left);
  }
  return above;
}

function nodeHash(left: Digest, right: Digest): Digest {
  return sha256(Uint8Array.of(1), left, right);
}

function assertIndex(index: number, count: number): void {
  if (Number.isSafeInteger(index) && index >= 0 && index < count) return;
  throw new VerificationError('MERKLE_INDEX', `leaf ${index} is not within a tree of ${count} leaves`);
}
