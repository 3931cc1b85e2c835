import assert from 'node:assert/strict';
import { test } from 'node:test';
import { characterAccuracy, editDistance } from './accuracy.ts';

test('editDistance counts insertions, deletions and substitutions, whichever way round', () => {
  const cases: [string, string, number][] = [
    ['', '', 0],
    ['same', 'same', 0],
    ['', 'abc', 3],
    ['kitten', 'sitting', 3],
    ['flaw', 'lawn', 2],
    ['1st', 'Ist', 1],
    ['ab', 'ba', 2],
  ];
  for (const [a, b, distance] of cases) {
    assert.equal(editDistance(a, b), distance, `${a} to ${b}`);
    assert.equal(editDistance(b, a), distance, `${b} to ${a}`);
  }
});

test('characterAccuracy weighs lines by their characters', () => {
  assert.equal(characterAccuracy(['ab', 'cdefgh'], ['ab', 'cdefgh']), 1);
  assert.equal(characterAccuracy(['', 'cdefgh'], ['ab', 'cdefgh']), 0.75);
  assert.equal(characterAccuracy(['ax', 'cdefgh'], ['ab', 'cdefgh']), 0.875);
});

test('a line that is missing is no line that was read wrong', () => {
  assert.throws(() => characterAccuracy(['a'], ['a', 'b']), /1 lines were read; the truth has 2/);
});
