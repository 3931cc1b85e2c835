import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatBytes, formatMicros, parseBytes, parseMicros } from './quantity.ts';

describe('bytes', () => {
  for (const [text, bytes] of [
    ['0', 0],
    ['1500', 1500],
    ['4Gi', 4 * 2 ** 30],
    ['16Ti', 16 * 2 ** 40],
    ['1536Mi', 1.5 * 2 ** 30],
  ] as const) {
    test(text, () => {
      assert.equal(parseBytes(text), bytes);
      assert.equal(formatBytes(bytes), text);
    });
  }
  for (const text of ['', '4GB', '-1', ' 4Gi', 'Gi']) {
    test(`${JSON.stringify(text)} is refused`, () => {
      assert.throws(() => parseBytes(text), { code: 'QUANTITY_INVALID', message: new RegExp(`"${text}"`) });
    });
  }
});

describe('money', () => {
  for (const [text, micros] of [
    ['0.00', 0],
    ['0.18', 180_000],
    ['5.00', 5_000_000],
    ['0.000001', 1],
    ['999999999.999999', 999_999_999_999_999],
  ] as const) {
    test(text, () => {
      assert.equal(parseMicros(text), micros);
      assert.equal(formatMicros(micros), text);
    });
  }
  for (const text of ['', '1.', '.5', '0.0000001', '-1', '1e3']) {
    test(`${JSON.stringify(text)} is refused`, () => {
      assert.throws(() => parseMicros(text), { code: 'QUANTITY_INVALID' });
    });
  }
});
