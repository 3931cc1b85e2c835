import { TensorError } from './errors.ts';
import { encodeBytesElements } from './tensor.ts';

/** How NumPy stores strings: each as wide as the longest, filled up with zeros. */
export interface StringType {
  /** Text: four bytes for each code point, little-endian. Bytes: as they are. */
  readonly kind: 'Text' | 'Bytes';
  /** Code points, or bytes. */
  readonly length: number;
  readonly elementBytes: number;
}

/** Reads `<U12` or `|S12`. @throws TensorError DTYPE_UNSUPPORTED */
export function parseStringType(descr: string | undefined): StringType {
  const [, kind, digits] = /^(<U|\|S)([1-9]\d{0,8})$/.exec(descr ?? '') ?? [];
  if (kind === undefined)
    throw new TensorError('DTYPE_UNSUPPORTED', `BYTES in a file needs a type such as <U12, given is ${String(descr)}`);
  const length = Number(digits);
  return kind === '<U'
    ? { kind: 'Text', length, elementBytes: 4 * length }
    : { kind: 'Bytes', length, elementBytes: length };
}

/** Code points of the longest string, at least NumPy's 1. @throws TensorError DATA_INVALID for one that is not UTF-8 */
export function stringLengthOf(elements: readonly Uint8Array[]): number {
  return elements.reduce((most, element) => Math.max(most, codePoints(element).length), 1);
}

/** NumPy's type of text. @param length in code points */
export function textType(length: number): string {
  return `<U${length}`;
}

/** The strings as {@link encodeBytesElements} frames them; text becomes UTF-8. @throws TensorError DATA_INVALID */
export function decodeStrings({ kind, length, elementBytes }: StringType, stored: Uint8Array): Uint8Array {
  const count = stored.byteLength / elementBytes;
  const view = new DataView(stored.buffer, stored.byteOffset, stored.byteLength);
  const elements = Array.from({ length: count }, (_, index): Uint8Array => {
    const start = index * elementBytes;
    let end = length;
    if (kind === 'Bytes') {
      while (end > 0 && stored[start + end - 1] === 0) end -= 1;
      return stored.subarray(start, start + end);
    }
    while (end > 0 && view.getUint32(start + 4 * (end - 1), true) === 0) end -= 1;
    const points = Array.from({ length: end }, (__, at) => view.getUint32(start + 4 * at, true));
    const bad = points.find((point) => point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff));
    if (bad !== undefined)
      throw new TensorError('DATA_INVALID', `text element ${index} holds 0x${bad.toString(16)}, which is no character`);
    return Buffer.from(points.map((point) => String.fromCodePoint(point)).join(''), 'utf8');
  });
  return encodeBytesElements(elements);
}

/** @throws TensorError DATA_LENGTH for a string that is too long, DATA_INVALID for one that ends in a zero or is no text */
export function encodeStrings({ kind, length, elementBytes }: StringType, elements: readonly Uint8Array[]): Uint8Array {
  const stored = new Uint8Array(elements.length * elementBytes);
  const view = new DataView(stored.buffer);
  for (const [index, element] of elements.entries()) {
    // Zeros fill up: one at the end would be lost.
    if (element.at(-1) === 0)
      throw new TensorError('DATA_INVALID', `string element ${index} ends in a zero, which .npy cannot keep`);
    const units = kind === 'Bytes' ? element : codePoints(element);
    if (units.length > length)
      throw new TensorError('DATA_LENGTH', `string element ${index} has ${units.length} characters, ${length} fit`);
    for (const [at, unit] of units.entries()) {
      if (kind === 'Bytes') stored[index * elementBytes + at] = unit;
      else view.setUint32(index * elementBytes + 4 * at, unit, true);
    }
  }
  return stored;
}

function codePoints(element: Uint8Array): number[] {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(element);
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    throw new TensorError('DATA_INVALID', 'a string element is not UTF-8');
  }
  return Array.from(text, (character) => character.codePointAt(0)!);
}
