import { parseQuantity } from '@isochrone/kube';
import { SchedulerError } from '../errors.ts';

const UNITS: Readonly<Record<string, number>> = { '': 1, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40 };

/**
 * Bytes of a quantity.
 * @throws SchedulerError QUANTITY_INVALID
 */
export function parseBytes(text: string): number {
  const bytes = parseQuantity(text);
  if (bytes === undefined) {
    throw new SchedulerError(
      'QUANTITY_INVALID',
      `${JSON.stringify(text)} is no quantity of bytes; write one such as "4Gi"`,
    );
  }
  return bytes;
}

/** Bytes for people: the largest binary unit that divides them. */
export function formatBytes(bytes: number): string {
  const unit = Object.keys(UNITS).findLast((suffix) => bytes > 0 && bytes % UNITS[suffix]! === 0) ?? '';
  return `${bytes / UNITS[unit]!}${unit}`;
}

/**
 * Micro-currency of a decimal with at most six decimals.
 * @throws SchedulerError QUANTITY_INVALID
 */
export function parseMicros(text: string): number {
  const match = /^([0-9]{1,9})(?:\.([0-9]{1,6}))?$/.exec(text);
  if (!match) {
    throw new SchedulerError(
      'QUANTITY_INVALID',
      `${JSON.stringify(text)} is no price; write at most nine digits and six decimals, such as "0.18"`,
    );
  }
  return Number(match[1]) * 1e6 + Number((match[2] ?? '').padEnd(6, '0'));
}

/** Micro-currency as a decimal. */
export function formatMicros(micros: number): string {
  return (micros / 1e6).toFixed(6).replace(/0{1,4}$/, '');
}
