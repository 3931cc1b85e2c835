import { createHash, type Hash } from 'node:crypto';
import {
  createTensor,
  elementCount,
  encodeNpyRecordsHeader,
  outputLayout,
  parseDataType,
  shapeOf,
  writeRecords,
  type DataType,
  type RecordLayout,
  type Tensor,
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
const MAX_TENSORS = 64;
const MAX_STRING = 2 ** 25;

const uidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const sha256Pattern = /^[0-9a-f]{64}$/;

interface RecordFormat {
  readonly name: string;
  readonly dataType: DataType;
  readonly shape: readonly number[];
}

interface Shard {
  readonly index: number;
  readonly firstRecord: number;
  readonly records: number;
  readonly stringLengths: readonly number[];
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
  readonly #inputs: readonly RecordFormat[];
  readonly #outputFormats: readonly RecordFormat[];
  /** How the outputs lie in the object of each shard. */
  readonly #layouts: readonly RecordLayout[];
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
    this.#inputs = recordFormats('inputs', header.inputs);
    this.#outputFormats = recordFormats('outputs', header.outputs);
    this.#shards = checkedShards(header.shards);
    this.#layouts = this.#shards.map((shard) => layoutOfShard(this.#outputFormats, shard));
    this.#hash = this.#startShard();
  }

  /** @throws VerifierError RECORD_INVALID, WINDOW_INVALID for a record too many */
  add(inputs: readonly Uint8Array[], outputs: readonly Uint8Array[]): void {
    const shard = this.#shards[this.#shard];
    if (shard === undefined) {
      throw new VerifierError(
        'WINDOW_INVALID',
        `a record follows the last of ${this.#leaves.length}; send what the header announced`,
      );
    }
    const record = shard.firstRecord + this.#done;
    let stored: Uint8Array;
    try {
      const output = tensorsOf('outputs', this.#outputFormats, outputs);
      const rows = output.map(({ tensor }) => ({ ...tensor, shape: [1, ...tensor.shape] }));
      stored = writeRecords(this.#layouts[this.#shard]!, rows);
      this.#leaves.push(
        leafHash({
          jobUID: this.header.workUid,
          shardIndex: shard.index,
          attempt: this.header.attempt,
          record,
          nodeKey: this.#nodeKey,
          inputDigest: recordDigest(tensorsOf('inputs', this.#inputs, inputs)),
          modelDigest: this.#modelDigest,
          numericProfile: this.header.numericProfile,
          outputDigest: recordDigest(output),
        }),
      );
    } catch (cause) {
      throw new VerifierError('RECORD_INVALID', `record ${record} of shard ${shard.index}: ${messageOf(cause)}`, {
        cause,
      });
    }
    this.#hash.update(stored);
    this.#bytes += stored.byteLength;
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
    const npyHeader = encodeNpyRecordsHeader(this.#layouts[this.#shard]!, records);
    this.#bytes = npyHeader.byteLength;
    return createHash('sha256').update(npyHeader);
  }
}

interface NamedTensor {
  readonly name: string;
  readonly tensor: Tensor;
}

function tensorsOf(field: string, formats: readonly RecordFormat[], parts: readonly Uint8Array[]): NamedTensor[] {
  if (parts.length !== formats.length)
    throw new VerifierError('RECORD_INVALID', `${field} has ${parts.length} tensors, the header has ${formats.length}`);
  return formats.map(({ name, dataType, shape }, index) => ({
    name,
    tensor: createTensor(dataType, shape, parts[index]!),
  }));
}

function recordFormats(field: 'inputs' | 'outputs', tensors: readonly RecordTensor__Output[]): RecordFormat[] {
  check(tensors.length >= 1 && tensors.length <= MAX_TENSORS, field, tensors.length, `1 to ${MAX_TENSORS} tensors`);
  const formats = tensors.map((tensor) => recordFormat(field, tensor));
  const names = new Set(formats.map(({ name }) => name));
  check(names.size === formats.length, `${field}.name`, formats.map(({ name }) => name).join(), 'each name once');
  return formats;
}

function recordFormat(field: string, { name, dataType, shape }: RecordTensor__Output): RecordFormat {
  check(isText(name), `${field}.name`, name, `a text of 1 to ${MAX_TEXT} characters`);
  check(shape.length <= MAX_RANK, `${field}.shape`, shape.length, `at most ${MAX_RANK} dimensions`);
  try {
    const format = { name, dataType: parseDataType(dataType), shape: shapeOf(shape) };
    elementCount(format.shape);
    return format;
  } catch (cause) {
    throw new VerifierError('WINDOW_INVALID', `header.${field}: ${messageOf(cause)}`, { cause });
  }
}

/** One output lies as an array, several as the fields of a structured one. */
function layoutOfShard(formats: readonly RecordFormat[], { stringLengths }: Shard): RecordLayout {
  const strings = formats.filter(({ dataType }) => dataType === 'BYTES').length;
  check(
    stringLengths.length === strings && stringLengths.every((length) => length >= 1 && length <= MAX_STRING),
    'shards.string_lengths',
    stringLengths,
    `a length from 1 to ${MAX_STRING} for each of ${strings} BYTES outputs`,
  );
  try {
    const layout = outputLayout(formats, stringLengths);
    encodeNpyRecordsHeader(layout, 1);
    return layout;
  } catch (cause) {
    throw new VerifierError('WINDOW_INVALID', `header.outputs: ${messageOf(cause)}`, { cause });
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
