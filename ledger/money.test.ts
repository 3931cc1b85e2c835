import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { LedgerError } from './errors.ts';
import { MAX_MONEY, amountFor, formatMoney, parseMoney } from './money.ts';

describe('money', () => {
  const amounts: readonly [string, bigint][] = [
    ['5.00', 5_000_000n],
    ['0', 0n],
    ['0.25', 250_000n],
    ['0.000001', 1n],
    ['12.3456', 12_345_600n],
    ['9223372036854.775807', MAX_MONEY],
  ];
  for (const [text, micros] of amounts) {
    test(`reads ${text}`, () => assert.equal(parseMoney(text), micros));
  }

  for (const text of [
    '',
    '-1',
    '+1',
    '1.',
    '.5',
    '1e3',
    '1,00',
    '0.0000001',
    ' 1',
    '1 ',
    '0x10',
    '9223372036854.775808',
    '1'.repeat(20),
  ]) {
    test(`refuses ${JSON.stringify(text)}`, () => {
      assert.throws(
        () => parseMoney(text),
        (error) => error instanceof LedgerError && error.code === 'MONEY_INVALID',
      );
    });
  }

  test('writes what it reads', () => {
    fc.assert(fc.property(fc.bigInt(0n, MAX_MONEY), (micros) => assert.equal(parseMoney(formatMoney(micros)), micros)));
  });

  test('writes at least two decimals, and the sign', () => {
    assert.equal(formatMoney(5_000_000n), '5.00');
    assert.equal(formatMoney(1n), '0.000001');
    assert.equal(formatMoney(-1_500_000n), '-1.50');
  });
});

describe('amountFor', () => {
  test('charges reference seconds', () => {
    // 1000 records of 1 s at 0.25 per 1000 reference seconds.
    assert.equal(amountFor(1000, 1_000_000_000n, 250_000n), 250_000n);
    assert.equal(amountFor(0, 1_000_000_000n, 250_000n), 0n);
  });

  test('rounds up, by less than one micro', () => {
    assert.equal(amountFor(1, 1n, 1n), 1n);
    fc.assert(
      fc.property(fc.nat(), fc.bigInt(0n, 10n ** 10n), fc.bigInt(0n, 10n ** 7n), (records, nanoseconds, price) => {
        const exact = BigInt(records) * nanoseconds * price;
        const excess = amountFor(records, nanoseconds, price) * 10n ** 12n - exact;
        assert.ok(excess >= 0n && excess < 10n ** 12n);
      }),
    );
  });

  test('refuses negative, fractional and overflowing figures', () => {
    for (const bad of [
      () => amountFor(-1, 1n, 1n),
      () => amountFor(0.5, 1n, 1n),
      () => amountFor(1n, MAX_MONEY, 10n ** 13n),
    ]) {
      assert.throws(bad, { code: 'MONEY_INVALID' });
    }
  });
});
