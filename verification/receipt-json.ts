import { DIGEST_BYTES } from './canonical-encoder.ts';
import { VerificationError } from './errors.ts';
import { RECEIPT_VERSION, encodeReceipt, type Receipt, type ReceiptOutput, type SignedReceipt } from './receipt.ts';

/** JSON form: digests and signature in base64. */
export type SignedReceiptJSON = Readonly<Record<string, unknown>>;

const SIGNATURE_BYTES = 64;
const MAX_TEXT_BYTES = 256;
/** More shards than one attempt is ever bound to; a bound for hostile input. */
const MAX_OUTPUTS = 10_000;

type Parser<T> = (path: string, value: unknown) => T;

/** For a status, a file or a message. */
export function receiptToJSON({ receipt, signature }: SignedReceipt): SignedReceiptJSON {
  return { receipt: encodeDigests(receipt), signature: base64(signature) };
}

/**
 * Reads a receipt from a node, trusting nothing: every field there, none besides, each in its one form.
 * @throws VerificationError RECEIPT_MALFORMED, RECEIPT_VERSION
 */
export function parseReceipt(json: unknown): SignedReceipt {
  const version = isObject(json) && isObject(json['receipt']) ? json['receipt']['version'] : undefined;
  if (typeof version === 'number' && version !== RECEIPT_VERSION) {
    throw new VerificationError(
      'RECEIPT_VERSION',
      `receipt.version is ${version}; this program knows ${RECEIPT_VERSION}`,
    );
  }
  const signed = object<SignedReceipt>({ receipt, signature: bytes(SIGNATURE_BYTES) })('', json);
  try {
    encodeReceipt(signed.receipt);
  } catch (error) {
    if (error instanceof VerificationError) throw malformed('receipt', error.message);
    throw error;
  }
  return signed;
}

const digest = bytes(DIGEST_BYTES);
const u32 = integer(0xffffffff);
const u64 = integer(Number.MAX_SAFE_INTEGER);

const output = object<ReceiptOutput>({ shardIndex: u32, records: u64, sha256: digest, bytes: u64 });

const receipt = object<Receipt>({
  version: integer(RECEIPT_VERSION) as Parser<1>,
  nodeKey: digest,
  sequence: u64,
  previousReceiptDigest: digest,
  jobUID: text,
  attempt: u32,
  modelDigest: digest,
  numericProfile: text,
  runtimeClass: text,
  leafCount: u64,
  root: digest,
  outputs: list(output, MAX_OUTPUTS),
});

function object<T>(fields: { readonly [Field in keyof T]-?: Parser<T[Field]> }): Parser<T> {
  return (path, value) => {
    if (!isObject(value)) throw malformed(path, `is ${kindOf(value)}; it must be an object`);
    const prefix = path === '' ? '' : `${path}.`;
    const unknown = Object.keys(value).find((key) => !Object.hasOwn(fields, key));
    if (unknown !== undefined) throw malformed(`${prefix}${unknown.slice(0, 64)}`, 'is not a field of a receipt');
    const parsed: Partial<T> = {};
    for (const field of Object.keys(fields) as (keyof T & string)[]) {
      if (!Object.hasOwn(value, field)) throw malformed(`${prefix}${field}`, 'is missing');
      parsed[field] = fields[field](`${prefix}${field}`, value[field]);
    }
    return parsed as T;
  };
}

function list<T>(item: Parser<T>, most: number): Parser<T[]> {
  return (path, value) => {
    if (!Array.isArray(value)) throw malformed(path, `is ${kindOf(value)}; it must be a list`);
    if (value.length > most) throw malformed(path, `has ${value.length} items; at most ${most} are read`);
    return Array.from(value, (element: unknown, index) => item(`${path}[${index}]`, element));
  };
}

function integer(most: number): Parser<number> {
  return (path, value) => {
    if (typeof value === 'number' && Number.isInteger(value) && !Object.is(value, -0) && value >= 0 && value <= most)
      return value;
    throw malformed(path, `is ${kindOf(value)}; it must be an integer from 0 to ${most}`);
  };
}

function bytes(length: number): Parser<Uint8Array> {
  return (path, value) => {
    const decoded = typeof value === 'string' && value.length <= 2 * length ? Buffer.from(value, 'base64') : undefined;
    // Encoding it again refuses the other spellings that Buffer accepts: one receipt has one JSON form.
    if (decoded?.byteLength === length && base64(decoded) === value) return new Uint8Array(decoded);
    throw malformed(path, `is ${kindOf(value)}; it must be ${length} bytes in base64`);
  };
}

function text(path: string, value: unknown): string {
  if (typeof value === 'string' && value !== '' && value.length <= MAX_TEXT_BYTES && value.isWellFormed()) return value;
  throw malformed(path, `is ${kindOf(value)}; it must be well-formed text of 1 to ${MAX_TEXT_BYTES} characters`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value for a message, short whatever it is. */
function kindOf(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 64));
  if (value === null || typeof value !== 'object') return String(value);
  return Array.isArray(value) ? 'a list' : 'an object';
}

function malformed(path: string, reason: string): VerificationError {
  return new VerificationError('RECEIPT_MALFORMED', `${path === '' ? 'the receipt' : path} ${reason}`);
}

function base64(value: Uint8Array): string {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
}

function encodeDigests(value: unknown): unknown {
  if (value instanceof Uint8Array) return base64(value);
  if (Array.isArray(value)) return value.map(encodeDigests);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, encodeDigests(field)]));
}
