import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { sha256 } from './canonical-encoder.ts';
import { sampleIndices, sampleSize, type SampleInput } from './sampling.ts';

const digest = fc.uint8Array({ minLength: 32, maxLength: 32 });
const input = fc.record({
  key: digest,
  root: digest,
  nodeKey: digest,
  sequence: fc.maxSafeNat(),
  leafCount: fc.integer({ min: 1, max: 300 }),
});

describe('sampleSize', () => {
  const cases: readonly [number, 'Sampled' | 'Full', number, number][] = [
    [1000, 'Sampled', 2, 20],
    [1000, 'Sampled', 1.1, 11],
    [1001, 'Sampled', 2, 21],
    [1000, 'Sampled', 100, 1000],
    [1000, 'Full', 2, 1000],
    [50, 'Sampled', 2, 2],
    [2, 'Sampled', 2, 2],
    [1, 'Sampled', 2, 1],
    [0, 'Sampled', 2, 0],
    [1_000_000, 'Sampled', 0.0000001, 2],
  ];
  for (const [count, mode, percent, expected] of cases) {
    test(`${percent} % of ${count}, ${mode}: ${expected}`, () =>
      assert.equal(sampleSize(count, mode, percent), expected));
  }
  test('refuses percentages that are none', () => {
    for (const percent of [0, -1, 101, NaN])
      assert.throws(() => sampleSize(10, 'Sampled', percent), { code: 'SAMPLE_SIZE' });
    assert.throws(() => sampleSize(-1, 'Full', 2), { code: 'SAMPLE_SIZE' });
  });
});

describe('sampleIndices', () => {
  test('draws as many distinct indices as asked, ascending, always the same ones', () => {
    fc.assert(
      fc.property(input, fc.nat(), (given, roll) => {
        const size = roll % (given.leafCount + 1);
        const drawn = sampleIndices(given, size);
        assert.equal(new Set(drawn).size, size);
        assert.deepEqual(
          drawn,
          drawn.toSorted((a, b) => a - b),
        );
        assert.ok(drawn.every((index) => index >= 0 && index < given.leafCount));
        assert.deepEqual(sampleIndices(given, size), drawn);
      }),
    );
  });

  test('every input decides', () => {
    const base: SampleInput = {
      key: new Uint8Array(32),
      root: new Uint8Array(32),
      nodeKey: new Uint8Array(32),
      sequence: 0,
      leafCount: 1000,
    };
    const one = new Uint8Array(32).fill(1);
    const samples = [
      base,
      { ...base, key: one },
      { ...base, root: one },
      { ...base, nodeKey: one },
      { ...base, sequence: 1 },
    ].map((given) => sampleIndices(given, 20).join());
    assert.equal(new Set(samples).size, samples.length);
  });

  test('is uniform (χ², p = 0.001)', () => {
    const [leafCount, size, windows] = [50, 5, 4_000];
    const hits = new Array<number>(leafCount).fill(0);
    for (let sequence = 0; sequence < windows; sequence++) {
      const given = {
        key: sha256(Buffer.from('key')),
        root: sha256(Buffer.from('root')),
        nodeKey: sha256(Buffer.from('node')),
        sequence,
        leafCount,
      };
      for (const index of sampleIndices(given, size)) hits[index]!++;
    }
    const expected = (windows * size) / leafCount;
    const chiSquared = hits.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    // 49 degrees of freedom: 85.35 at 0.999. Drawing without replacement only narrows the spread.
    assert.ok(chiSquared < 85.35, `χ² = ${chiSquared}`);
    assert.ok(chiSquared > 15, `χ² = ${chiSquared} is too even to be random`);
  });

  test('refuses a sample that is larger than the window, and a window that cannot be drawn from', () => {
    const given = {
      key: new Uint8Array(32),
      root: new Uint8Array(32),
      nodeKey: new Uint8Array(32),
      sequence: 0,
      leafCount: 3,
    };
    for (const size of [4, -1, 0.5]) assert.throws(() => sampleIndices(given, size), { code: 'SAMPLE_SIZE' });
    assert.throws(() => sampleIndices({ ...given, leafCount: 2 ** 53 - 1 }, 2), { code: 'FIELD_INVALID' });
  });
});
