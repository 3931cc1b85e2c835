import { LedgerError } from './errors.ts';

/** Micro-currency per unit of currency. */
const MICROS = 1_000_000n;

/** The most that the books hold: SQLite and PostgreSQL keep 64-bit integers. */
export const MAX_MONEY = 2n ** 63n - 1n;

/** Reads a decimal such as "5.00" as micro-currency. @throws LedgerError MONEY_INVALID */
export function parseMoney(text: string): bigint {
  const match = /^(\d{1,13})(?:\.(\d{1,6}))?$/.exec(text);
  if (!match) {
    throw new LedgerError(
      'MONEY_INVALID',
      `${JSON.stringify(text)} is not an amount; write digits with at most six decimals, such as "5.00"`,
    );
  }
  const micros = BigInt(match[1]!) * MICROS + BigInt((match[2] ?? '').padEnd(6, '0'));
  if (micros > MAX_MONEY)
    throw new LedgerError(
      'MONEY_INVALID',
      `${text} is more than ${formatMoney(MAX_MONEY)}, the most an account can hold`,
    );
  return micros;
}

/** Writes micro-currency as a decimal with at least two and at most six decimals; exact. */
export function formatMoney(micros: bigint): string {
  const absolute = micros < 0n ? -micros : micros;
  const decimals = (absolute % MICROS)
    .toString()
    .padStart(6, '0')
    .replace(/0{1,4}$/, '');
  return `${micros < 0n ? '-' : ''}${absolute / MICROS}.${decimals}`;
}

/**
 * The price of one shard in micro-currency: reference seconds × price. Rounded once, up, so that a shard is never free
 * by being small and a bill does not depend on how records were grouped within the shard.
 * @param records records that stood
 * @param referenceNanosecondsPerRecord the model's approved figure
 * @param pricePerThousandReferenceSecondsMicros micro-currency per 1000 reference seconds
 * @throws LedgerError MONEY_INVALID
 */
export function amountFor(
  records: bigint | number,
  referenceNanosecondsPerRecord: bigint,
  pricePerThousandReferenceSecondsMicros: bigint,
): bigint {
  if (typeof records === 'number' && !Number.isSafeInteger(records)) {
    throw new LedgerError('MONEY_INVALID', `records is ${records}; it must be an integer`);
  }
  const factors = [BigInt(records), referenceNanosecondsPerRecord, pricePerThousandReferenceSecondsMicros];
  if (factors.some((factor) => factor < 0n))
    throw new LedgerError(
      'MONEY_INVALID',
      `records, nanoseconds and price must not be negative: ${factors.join(', ')}`,
    );
  const divisor = 1000n * 1_000_000_000n;
  const amount = (factors.reduce((product, factor) => product * factor, 1n) + divisor - 1n) / divisor;
  if (amount > MAX_MONEY)
    throw new LedgerError('MONEY_INVALID', `a shard would cost ${formatMoney(amount)}, more than an account can hold`);
  return amount;
}
