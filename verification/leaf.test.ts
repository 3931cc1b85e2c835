import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeLeaf, leafHash, type Leaf } from './leaf.ts';

const digest = fc.uint8Array({ minLength: 32, maxLength: 32 });
const u32 = fc.nat({ max: 0xffffffff });
const text = fc.string({ unit: 'grapheme', maxLength: 6 });
const leaf: fc.Arbitrary<Leaf> = fc.record({
  jobUID: text,
  shardIndex: u32,
  attempt: u32,
  record: fc.maxSafeNat(),
  nodeKey: digest,
  inputDigest: digest,
  modelDigest: digest,
  numericProfile: text,
  outputDigest: digest,
});

test('a change of any field changes the leaf', () => {
  fc.assert(
    fc.property(leaf, leaf, (a, b) => {
      for (const field of Object.keys(a) as (keyof Leaf)[]) {
        const mixed = { ...a, [field]: b[field] };
        const same = Buffer.compare(Buffer.from(String(a[field])), Buffer.from(String(b[field]))) === 0;
        assert.equal(Buffer.compare(leafHash(a), leafHash(mixed)) === 0, same, field);
      }
    }),
  );
});

test('text cannot move from one field to the next', () => {
  fc.assert(
    fc.property(leaf, text, (a, moved) => {
      fc.pre(moved !== '');
      const front = encodeLeaf({ ...a, jobUID: a.jobUID + moved });
      const back = encodeLeaf({ ...a, numericProfile: moved + a.numericProfile });
      assert.notDeepEqual(front, back);
    }),
  );
});

test('refuses what cannot be written canonically', () => {
  const [good] = fc.sample(leaf, { numRuns: 1, seed: 1 });
  const bad: Partial<Leaf>[] = [
    { jobUID: '\udfff' },
    { attempt: -1 },
    { shardIndex: 2 ** 32 },
    { record: 2 ** 53 },
    { record: 0.5 },
    { nodeKey: new Uint8Array(31) },
  ];
  for (const change of bad)
    assert.throws(() => encodeLeaf({ ...good!, ...change }), {
      code: 'FIELD_INVALID',
      message: new RegExp(Object.keys(change)[0]!),
    });
});
