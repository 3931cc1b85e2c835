import { createHash } from 'node:crypto';
import { VerificationError } from './errors.ts';

/** A SHA-256 digest: 32 bytes. */
export type Digest = Uint8Array;

export const DIGEST_BYTES = 32;

/** SHA-256 of the parts, one after another. */
export function sha256(...parts: readonly Uint8Array[]): Digest {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/**
 * Writes fields so that no two sequences of values give the same bytes: integers have a fixed width, strings and lists carry
 * their length (proto/digest.md §1).
 */
export class CanonicalEncoder {
  readonly #parts: Uint8Array[] = [];

  /** Domain separation: ASCII, ended by a zero byte. */
  tag(name: string): this {
    return this.#push(Buffer.from(`${name}\0`, 'latin1'));
  }

  u8(field: string, value: number): this {
    return this.#push(Uint8Array.of(this.#integer(field, value, 0xff)));
  }

  u32(field: string, value: number): this {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(this.#integer(field, value, 0xffffffff));
    return this.#push(bytes);
  }

  /** Unsigned 64 bits from a number that JavaScript holds exactly. */
  u64(field: string, value: number): this {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(this.#integer(field, value, Number.MAX_SAFE_INTEGER)));
    return this.#push(bytes);
  }

  digest(field: string, value: Digest): this {
    if (value.byteLength !== DIGEST_BYTES) {
      throw new VerificationError(
        'FIELD_INVALID',
        `${field} has ${value.byteLength} bytes; a SHA-256 digest has ${DIGEST_BYTES}`,
      );
    }
    return this.#push(value);
  }

  string(field: string, value: string): this {
    // A lone surrogate would be written as U+FFFD, and two different strings would share their bytes.
    if (!value.isWellFormed())
      throw new VerificationError('FIELD_INVALID', `${field} ${JSON.stringify(value)} is not well-formed Unicode`);
    const bytes = Buffer.from(value, 'utf8');
    return this.u32(`length of ${field}`, bytes.byteLength).#push(bytes);
  }

  bytes(): Uint8Array {
    return Buffer.concat(this.#parts);
  }

  #push(part: Uint8Array): this {
    this.#parts.push(part);
    return this;
  }

  #integer(field: string, value: number, max: number): number {
    if (Number.isInteger(value) && value >= 0 && value <= max) return value;
    throw new VerificationError('FIELD_INVALID', `${field} is ${value}; it must be an integer from 0 to ${max}`);
  }
}
