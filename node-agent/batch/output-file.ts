import { createHash, type Hash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import {
  TensorError,
  concatRows,
  decodeBytesElements,
  encodeNpyRecordsHeader,
  outputLayout,
  readRecords,
  stringLengthOf,
  writeRecords,
  type DataType,
  type RecordLayout,
  type Tensor,
} from '@isochrone/tensor';
import { TaskFailure } from '../errors.ts';

/** One output of a record. */
export interface RecordFormat {
  readonly name: string;
  readonly dataType: DataType;
  readonly shape: readonly number[];
}

export interface WrittenOutput {
  readonly shardIndex: number;
  readonly records: number;
  /** Hexadecimal. */
  readonly sha256: string;
  readonly sizeBytes: number;
  /** Characters of the longest string of each BYTES output, at least 1: as wide as all of them lie in the file. */
  readonly stringLengths: readonly number[];
}

/** Strings are held until the longest one of their shard is known. */
const mostHeldBytes = 64 * 1024 * 1024;

/** The .npy of one shard, written row by row and hashed on its way. */
export class OutputFile implements AsyncDisposable {
  readonly #file: FileHandle;
  readonly #hash: Hash = createHash('sha256');
  readonly #shard: { index: number; records: number };
  readonly #formats: readonly RecordFormat[];
  /** Undefined while it waits for the longest string. */
  #layout: RecordLayout | undefined;
  readonly #held: (readonly Tensor[])[] = [];
  #heldBytes = 0;
  #bytes = 0;

  private constructor(file: FileHandle, shard: { index: number; records: number }, formats: readonly RecordFormat[]) {
    this.#file = file;
    this.#shard = shard;
    this.#formats = formats;
  }

  /** Replaces what is at the path. */
  static async create(
    path: string,
    shard: { index: number; records: number },
    formats: readonly RecordFormat[],
  ): Promise<OutputFile> {
    const output = new OutputFile(await open(path, 'w', 0o600), shard, formats);
    if (!formats.some(({ dataType }) => dataType === 'BYTES')) await output.#begin([]);
    return output;
  }

  /** @throws TaskFailure UnsupportedTensor for strings that cannot be written */
  async append(outputs: readonly Tensor[]): Promise<void> {
    if (this.#layout !== undefined) return this.#write(writeRecords(this.#layout, outputs));
    this.#heldBytes += outputs.reduce((sum, { data }) => sum + data.byteLength, 0);
    if (this.#heldBytes > mostHeldBytes)
      throw new TaskFailure(
        'UnsupportedTensor',
        `the outputs of shard ${this.#shard.index} hold strings and more than ${mostHeldBytes} bytes; create a job with a smaller recordsPerShard`,
      );
    // Views of a runtime's reply, which is of this batch alone.
    this.#held.push(outputs);
  }

  /** Resolves when the bytes are on the disk. @throws TaskFailure UnsupportedTensor */
  async finish(): Promise<WrittenOutput> {
    const stringLengths = await this.#writeHeld();
    await this.#file.sync();
    return {
      shardIndex: this.#shard.index,
      records: this.#shard.records,
      sha256: this.#hash.digest('hex'),
      sizeBytes: this.#bytes,
      stringLengths,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }

  async #writeHeld(): Promise<number[]> {
    if (this.#layout !== undefined) return [];
    try {
      const whole = this.#formats.map((_, index) => concatRows(this.#held.map((outputs) => outputs[index]!)));
      const lengths = whole
        .filter(({ dtype }) => dtype === 'BYTES')
        .map((tensor) => stringLengthOf(decodeBytesElements(tensor)));
      await this.#write(writeRecords(await this.#begin(lengths), whole));
      return lengths;
    } catch (cause) {
      if (!(cause instanceof TensorError)) throw cause;
      throw new TaskFailure('UnsupportedTensor', `the output of shard ${this.#shard.index}: ${cause.message}`, {
        cause,
      });
    }
  }

  async #begin(stringLengths: readonly number[]): Promise<RecordLayout> {
    const layout = outputLayout(this.#formats, stringLengths);
    this.#layout = layout;
    await this.#write(encodeNpyRecordsHeader(layout, this.#shard.records));
    return layout;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    this.#hash.update(bytes);
    this.#bytes += bytes.byteLength;
    await this.#file.writeFile(bytes);
  }
}

/** Reads rows back from a written .npy. */
export class OutputRows implements AsyncDisposable {
  readonly #file: FileHandle;
  readonly #layout: RecordLayout;
  #at: number;

  private constructor(file: FileHandle, at: number, layout: RecordLayout) {
    this.#file = file;
    this.#at = at;
    this.#layout = layout;
  }

  static async open(path: string, shard: { records: number }, layout: RecordLayout): Promise<OutputRows> {
    const { byteLength } = encodeNpyRecordsHeader(layout, shard.records);
    return new OutputRows(await open(path, 'r'), byteLength, layout);
  }

  /** The next rows. @throws Error when the file is shorter than it was written */
  async next(records: number): Promise<Tensor[]> {
    const rows = new Uint8Array(records * this.#layout.recordBytes);
    let filled = 0;
    while (filled < rows.byteLength) {
      const { bytesRead } = await this.#file.read(rows, filled, rows.byteLength - filled, this.#at);
      if (bytesRead === 0) throw new Error(`an output file ends at ${this.#at}; it was written further`);
      filled += bytesRead;
      this.#at += bytesRead;
    }
    return readRecords(this.#layout, rows, records);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}
