import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { planEviction, type StoredModel } from './eviction.ts';

const model = (sha256: string, bytes: number, lastUsed: number, pinned = false): StoredModel => ({
  sha256,
  bytes,
  lastUsed,
  pinned,
});

describe('eviction', () => {
  for (const [name, models, needed, expected] of [
    ['nothing when it fits', [model('a', 4, 1)], 6, []],
    ['the one least lately used', [model('a', 4, 2), model('b', 4, 1)], 3, ['b']],
    ['as many as it takes', [model('a', 4, 2), model('b', 4, 1), model('c', 1, 3)], 8, ['b', 'a']],
    ['none in use', [model('a', 4, 1, true), model('b', 4, 2)], 5, ['b']],
    ['nothing when it cannot be enough', [model('a', 4, 1, true), model('b', 4, 2)], 7, undefined],
    ['nothing when the model alone is too large', [], 11, undefined],
  ] as const) {
    test(`removes ${name}`, () => assert.deepEqual(planEviction(models, needed, 10), expected));
  }

  test('leaves what fits, touches nothing in use, and removes no more than it must', () => {
    const models = fc.uniqueArray(
      fc.record({ sha256: fc.uuid(), bytes: fc.nat(50), lastUsed: fc.nat(9), pinned: fc.boolean() }),
      { selector: ({ sha256 }) => sha256, maxLength: 8 },
    );
    fc.assert(
      fc.property(models, fc.nat(100), fc.nat(200), (stored, needed, quota) => {
        const evicted = planEviction(stored, needed, quota);
        const sum = (list: readonly StoredModel[]): number => list.reduce((total, { bytes }) => total + bytes, 0);
        const kept = stored.filter(
          ({ sha256, pinned }) => pinned || !(evicted ?? stored.map((each) => each.sha256)).includes(sha256),
        );
        if (evicted === undefined) {
          assert.ok(sum(kept) + needed > quota);
          return;
        }
        assert.ok(sum(kept) + needed <= quota);
        assert.ok(evicted.every((sha256) => stored.some((each) => each.sha256 === sha256 && !each.pinned)));
        const last = stored.find(({ sha256 }) => sha256 === evicted.at(-1));
        if (last !== undefined) assert.ok(sum(kept) + last.bytes + needed > quota);
      }),
    );
  });
});
