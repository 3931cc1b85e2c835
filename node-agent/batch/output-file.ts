import { createHash, type Hash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { encodeNpyHeader, type DataType } from '@isochrone/tensor';

/** Type and shape of one output record. */
export interface RecordFormat {
  readonly dataType: DataType;
  readonly shape: readonly number[];
}

export interface WrittenOutput {
  readonly shardIndex: number;
  readonly records: number;
  /** Hexadecimal. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** The .npy of one shard, written row by row and hashed on its way. */
export class OutputFile implements AsyncDisposable {
  readonly #file: FileHandle;
  readonly #hash: Hash = createHash('sha256');
  readonly #shard: { index: number; records: number };
  #bytes = 0;

  private constructor(file: FileHandle, shard: { index: number; records: number }) {
    this.#file = file;
    this.#shard = shard;
  }

  /** Replaces what is at the path. */
  static async create(
    path: string,
    shard: { index: number; records: number },
    format: RecordFormat,
  ): Promise<OutputFile> {
    const output = new OutputFile(await open(path, 'w', 0o600), shard);
    await output.append(encodeNpyHeader(format.dataType, [shard.records, ...format.shape]));
    return output;
  }

  async append(rows: Uint8Array): Promise<void> {
    this.#hash.update(rows);
    this.#bytes += rows.byteLength;
    await this.#file.writeFile(rows);
  }

  /** Resolves when the bytes are on the disk. */
  async finish(): Promise<WrittenOutput> {
    await this.#file.sync();
    return {
      shardIndex: this.#shard.index,
      records: this.#shard.records,
      sha256: this.#hash.digest('hex'),
      sizeBytes: this.#bytes,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}

/** Reads rows back from a written .npy. */
export class OutputRows implements AsyncDisposable {
  readonly #file: FileHandle;
  readonly #recordBytes: number;
  #at: number;

  private constructor(file: FileHandle, at: number, recordBytes: number) {
    this.#file = file;
    this.#at = at;
    this.#recordBytes = recordBytes;
  }

  static async open(
    path: string,
    shard: { records: number },
    format: RecordFormat,
    recordBytes: number,
  ): Promise<OutputRows> {
    const header = encodeNpyHeader(format.dataType, [shard.records, ...format.shape]);
    return new OutputRows(await open(path, 'r'), header.byteLength, recordBytes);
  }

  /** The next rows. @throws Error when the file is shorter than it was written */
  async next(records: number): Promise<Uint8Array> {
    const rows = new Uint8Array(records * this.#recordBytes);
    let filled = 0;
    while (filled < rows.byteLength) {
      const { bytesRead } = await this.#file.read(rows, filled, rows.byteLength - filled, this.#at);
      if (bytesRead === 0) throw new Error(`an output file ends at ${this.#at}; it was written further`);
      filled += bytesRead;
      this.#at += bytesRead;
    }
    return rows;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}
