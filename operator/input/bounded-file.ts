import { open, type FileHandle } from 'node:fs/promises';

/** Small pieces are written together. */
const writeBytes = 1024 * 1024;

/** Bytes that several files may take together. */
export interface ByteAllowance {
  readonly limit: number;
  used: number;
  /** What is thrown when they would take more. @param name of what was appended */
  readonly refuse: (name: string) => Error;
}

/** Appends to one file, as long as there is an allowance. */
export class BoundedFile {
  readonly #file: FileHandle;
  readonly #allowance: ByteAllowance;
  #parts: Uint8Array[] = [];
  #held = 0;
  #bytes = 0;

  private constructor(file: FileHandle, allowance: ByteAllowance) {
    this.#file = file;
    this.#allowance = allowance;
  }

  static async create(path: string, allowance: ByteAllowance): Promise<BoundedFile> {
    return new BoundedFile(await open(path, 'wx', 0o600), allowance);
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * @param chunk must not change any more
   * @param name of where it comes from, for the message
   * @throws what the allowance refuses with
   */
  async append(chunk: Uint8Array, name: string): Promise<void> {
    this.#bytes += chunk.byteLength;
    this.#allowance.used += chunk.byteLength;
    if (this.#allowance.used > this.#allowance.limit) throw this.#allowance.refuse(name);
    this.#parts.push(chunk);
    this.#held += chunk.byteLength;
    if (this.#held >= writeBytes) await this.#flush();
  }

  async #flush(): Promise<void> {
    const parts = this.#parts;
    [this.#parts, this.#held] = [[], 0];
    for (const part of parts.length > 1 ? [Buffer.concat(parts)] : parts) await this.#file.writeFile(part);
  }

  /** Writes what is held back. Without it, closing leaves a part of the file. */
  async finish(): Promise<void> {
    await this.#flush();
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}
