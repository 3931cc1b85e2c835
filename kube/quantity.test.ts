import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseQuantity } from './quantity.ts';

const cases: [string, number | undefined][] = [
  ['0', 0],
  ['1024', 1024],
  ['4Gi', 4 * 2 ** 30],
  ['1.5Ki', 1536],
  ['0.0001Ki', 1],
  ['2M', 2_000_000],
  ['1Pi', 2 ** 50],
  ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ['9007199254740992', undefined],
  ['100000Pi', undefined],
  ['', undefined],
  ['Gi', undefined],
  ['-1', undefined],
  ['4 Gi', undefined],
  ['4gi', undefined],
  ['1e3', undefined],
  ['1.', undefined],
  ['100m', undefined],
];

for (const [text, bytes] of cases) {
  test(`parseQuantity(${JSON.stringify(text)})`, () => assert.equal(parseQuantity(text), bytes));
}
