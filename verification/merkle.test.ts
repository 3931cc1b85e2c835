import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { sha256 } from './canonical-encoder.ts';
import { merkleProof, merkleRoot, verifyMerkleProof } from './merkle.ts';

const leavesOf = (count: number) => Array.from({ length: count }, (_, index) => sha256(Buffer.from(`leaf ${index}`)));
const tree = fc
  .integer({ min: 1, max: 40 })
  .chain((count) => fc.record({ leaves: fc.constant(leavesOf(count)), index: fc.nat({ max: count - 1 }) }));

const claimOf = (leaves: Uint8Array[], index: number) => ({
  root: merkleRoot(leaves),
  leaf: leaves[index]!,
  index,
  leafCount: leaves.length,
  proof: merkleProof(leaves, index),
});

test('every leaf is proven, at its own index and no other', () => {
  fc.assert(
    fc.property(tree, fc.nat({ max: 60 }), ({ leaves, index }, other) => {
      const claim = claimOf(leaves, index);
      assert.ok(verifyMerkleProof(claim));
      assert.equal(verifyMerkleProof({ ...claim, index: other }), other === index);
      const stranger = sha256(Buffer.from('stranger'));
      assert.ok(!verifyMerkleProof({ ...claim, leaf: stranger }));
    }),
  );
});

test('a proof that is longer, shorter or changed is false', () => {
  fc.assert(
    fc.property(tree, fc.nat(), ({ leaves, index }, at) => {
      const claim = claimOf(leaves, index);
      assert.ok(!verifyMerkleProof({ ...claim, proof: [...claim.proof, claim.leaf] }));
      if (claim.proof.length === 0) return;
      assert.ok(!verifyMerkleProof({ ...claim, proof: claim.proof.slice(1) }));
      assert.ok(
        !verifyMerkleProof({ ...claim, proof: claim.proof.with(at % claim.proof.length, sha256(Buffer.from('x'))) }),
      );
    }),
  );
});

test('an inner node is not accepted as a leaf (second preimage)', () => {
  for (const count of [2, 3, 4, 7, 8]) {
    const leaves = leavesOf(count);
    const inner = sha256(Uint8Array.of(1), leaves[0]!, leaves[1]!);
    const proof = merkleProof(leaves, 0).slice(1);
    const shorter = Math.ceil(count / 2);
    // With a forged count the hashes do add up; the signed count refuses it.
    assert.ok(verifyMerkleProof({ root: merkleRoot(leaves), leaf: inner, index: 0, leafCount: shorter, proof }));
    assert.ok(!verifyMerkleProof({ root: merkleRoot(leaves), leaf: inner, index: 0, leafCount: count, proof }));
    // And no leaf hashes to it: a leaf's preimage starts with 0x00.
    assert.notDeepEqual(sha256(Uint8Array.of(0), leaves[0]!, leaves[1]!), inner);
  }
});

test('repeating the last leaf changes the root (CVE-2012-2459)', () => {
  fc.assert(
    fc.property(tree, ({ leaves }) => assert.notDeepEqual(merkleRoot([...leaves, leaves.at(-1)!]), merkleRoot(leaves))),
  );
});

test('hostile claims are false, and never throw', () => {
  const claim = claimOf(leavesOf(5), 4);
  for (const change of [
    { index: -1 },
    { index: 5 },
    { index: 0.5 },
    { leafCount: 0 },
    { leafCount: NaN },
    { leafCount: 2 ** 53 - 1 },
    { root: new Uint8Array(0) },
    { leaf: new Uint8Array(64) },
    { proof: [new Uint8Array(0)] },
    { proof: [] },
  ]) {
    assert.equal(verifyMerkleProof({ ...claim, ...change }), false);
  }
});

test('refuses an empty tree and an index outside', () => {
  assert.throws(() => merkleRoot([]), { code: 'MERKLE_EMPTY' });
  assert.throws(() => merkleProof(leavesOf(3), 3), { code: 'MERKLE_INDEX' });
});
