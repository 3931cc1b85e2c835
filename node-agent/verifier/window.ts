import { createHash, type Hash } from 'node:crypto';
import {
  createTensor,
  dataTypeInfo,
  elementCount,
  encodeNpyHeader,
  parseDataType,
  shapeOf,
  type DataType,
} from '@isochrone/tensor';
import { leafHash, recordDigest, type Digest, type ReceiptOutput } from '@isochrone/verification';
import type { RecordTensor__Output } from '@isochrone/api/proto/isochrone/v1alpha1/RecordTensor';
import type { WindowHeader__Output } from '@isochrone/api/proto/isochrone/v1alpha1/WindowHeader';
import { VerifierError, messageOf } from '../errors.ts';

/** Bounds of one window: what a task of the hub can have, and a sidecar's memory can bear (32 bytes for a record). */
export const MAX_SHARDS = 64;
export const MAX_RECORDS = 65_536;
const MAX_TEXT = 256;
const MAX_RANK = 16;

const uidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const sha256Pattern = /^[0-9a-f]{64}$/;

interface RecordFormat {
  readonly name: string;
  readonly dtype: DataType;
  readonly shape: readonly number[];
}

interface Shard {
  readonly index: number;
  readonly firstRecord: number;
  readonly records: number;
}

/** What remains of a window once its records have passed. */
export interface WindowSummary {
  readonly leaves: readonly Digest[];
  readonly outputs: readonly ReceiptOutput[];
}

/**
 * Takes the records of one window in the order that its header fixes. The agent is not trusted: each byte is checked against
 * the header, and every digest is made here. Holds 32 bytes for a record, never its data.
 */
export class Window {
  readonly header: WindowHeader__Output;
  readonly #input: RecordFormat;
  readonly #output: RecordFormat;
  readonly #shards: readonly Shard[];
  readonly #nodeKey: Digest;
  readonly #modelDigest: Digest;
  readonly #leaves: Digest[] = [];
  readonly #outputs: ReceiptOutput[] = [];
  #shard = 0;
  #done = 0;
  #hash: Hash;
  #bytes = 0;

  /** @throws VerifierError WINDOW_INVALID */
  constructor(header: WindowHeader__Output, nodeKey: Digest) {
    this.header = header;
    this.#nodeKey = nodeKey;
    const { workUid, attempt, modelSha256, numericProfile, runtimeClass } = header;
    check(uidPattern.test(workUid), 'work_uid', workUid, 'a UID');
    check(
      Number.isSafeInteger(attempt) && attempt >= 1 && attempt <= 0xffffffff,
      'attempt',
      attempt,
      'an integer from 1 to 2^32-1',
    );
    check(sha256Pattern.test(modelSha256), 'model_sha256', modelSha256, '64 hexadecimal digits');
    check(isText(numericProfile), 'numeric_profile', numericProfile, `a text of 1 to ${MAX_TEXT} characters`);
    check(isText(runtimeClass), 'runtime_class', runtimeClass, `a text of 1 to ${MAX_TEXT} characters`);
    this.#modelDigest = Buffer.from(modelSha256, 'hex');
    this.#input = recordFormat('input', header.input);
    this.#output = recordFormat('output', header.output);
    this.#shards = checkedShards(header.shards);
    this.#hash = this.#startShard();
  }

  /** @throws VerifierError RECORD_INVALID, WINDOW_INVALID for a record too many */
  add(input: Uint8Array, output: Uint8Array): void {
    const shard = this.#shards[this.#shard];
    if (shard === undefined) {
      throw new VerifierError(
        'WINDOW_INVALID',
        `a record follows the last of ${this.#leaves.length}; send what the header announced`,
      );
    }
    const record = shard.firstRecord + this.#done;
    try {
      this.#leaves.push(
        leafHash({
          jobUID: this.header.workUid,
          shardIndex: shard.index,
          attempt: this.header.attempt,
          record,
          nodeKey: this.#nodeKey,
          inputDigest: digestOf(this.#input, input),
          modelDigest: this.#modelDigest,
          numericProfile: this.header.numericProfile,
          outputDigest: digestOf(this.#output, output),
        }),
      );
    } catch (cause) {
      throw new VerifierError('RECORD_INVALID', `record ${record} of shard ${shard.index}: ${messageOf(cause)}`, {
        cause,
      });
    }
    this.#hash.update(output);
    this.#bytes += output.byteLength;
    this.#done += 1;
    if (this.#done < shard.records) return;
    this.#outputs.push({
      shardIndex: shard.index,
      records: shard.records,
      sha256: this.#hash.digest(),
      bytes: this.#bytes,
    });
    this.#shard += 1;
    this.#done = 0;
    if (this.#shard < this.#shards.length) this.#hash = this.#startShard();
  }

  /** @throws VerifierError WINDOW_INCOMPLETE */
  finish(): WindowSummary {
    if (this.#shard < this.#shards.length) {
      const expected = this.#shards.reduce((sum, { records }) => sum + records, 0);
      throw new VerifierError(
        'WINDOW_INCOMPLETE',
        `the stream ended after ${this.#leaves.length} of ${expected} records; send all, then end it`,
      );
    }
    return { leaves: this.#leaves, outputs: this.#outputs };
  }

  /** The delivered object is an .npy: its header comes first. */
  #startShard(): Hash {
    const { records } = this.#shards[this.#shard]!;
    const npyHeader = encodeNpyHeader(this.#output.dtype, [records, ...this.#output.shape]);
    this.#bytes = npyHeader.byteLength;
    return createHash('sha256').update(npyHeader);
  }
}

function digestOf(format: RecordFormat, data: Uint8Array): Digest {
  return recordDigest([{ name: format.name, tensor: createTensor(format.dtype, format.shape, data) }]);
}

function recordFormat(field: 'input' | 'output', tensor: RecordTensor__Output | null): RecordFormat {
  if (tensor === null) throw new VerifierError('WINDOW_INVALID', `header.${field} is missing`);
  const { name, dataType, shape } = tensor;
  check(isText(name), `${field}.name`, name, `a text of 1 to ${MAX_TEXT} characters`);
  check(shape.length <= MAX_RANK, `${field}.shape`, shape.length, `at most ${MAX_RANK} dimensions`);
  try {
    const format = { name, dtype: parseDataType(dataType), shape: shapeOf(shape) };
    elementCount(format.shape);
    check(
      dataTypeInfo(format.dtype).npyDescr !== undefined,
      `${field}.data_type`,
      dataType,
      'a data type that .npy has',
    );
    return format;
  } catch (cause) {
    throw new VerifierError('WINDOW_INVALID', `header.${field}: ${messageOf(cause)}`, { cause });
  }
}

function checkedShards(shards: readonly Shard[]): readonly Shard[] {
  check(shards.length >= 1 && shards.length <= MAX_SHARDS, 'shards', shards.length, `1 to ${MAX_SHARDS} shards`);
  let last = -1;
  let records = 0;
  for (const shard of shards) {
    check(shard.index > last, 'shards.index', shard.index, 'ascending, each once');
    check(shard.records >= 1, 'shards.records', shard.records, 'at least 1');
    const end = shard.firstRecord + shard.records;
    check(
      shard.firstRecord >= 0 && Number.isSafeInteger(end),
      'shards.first_record',
      shard.firstRecord,
      'an index of a record',
    );
    last = shard.index;
    records += shard.records;
  }
  check(records <= MAX_RECORDS, 'records', records, `at most ${MAX_RECORDS}`);
  return shards;
}

function isText(value: string): boolean {
  return value.length >= 1 && value.length <= MAX_TEXT && value.isWellFormed();
}

function check(valid: boolean, field: string, value: unknown, expected: string): void {
  if (!valid)
    throw new VerifierError('WINDOW_INVALID', `header.${field} is ${JSON.stringify(value)}; expected ${expected}`);
}
