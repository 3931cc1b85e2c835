import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync } from 'node:fs';
import { readdir, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { TaskFailure } from '../errors.ts';
import type { StorageContext } from '../storage-request.ts';
import { downloadModel, type ModelSource } from './download.ts';
import { planEviction } from './eviction.ts';

export interface ModelStoreOptions {
  /** Files are `<directory>/sha256/<digest>`. */
  readonly directory: string;
  readonly quotaBytes: number;
  /** Wall clock, milliseconds. */
  readonly now: () => number;
  readonly onEvent: (event: ModelStoreEvent) => void;
}

export type ModelStoreEvent =
  | { readonly type: 'downloaded'; readonly bytes: number }
  | { readonly type: 'hit' | 'evicted' | 'corrupt' | 'changed'; readonly sha256: string };

/** A model that cannot be evicted until it is released. */
export interface ModelHandle {
  readonly path: string;
  release(): void;
}

interface Entry {
  bytes: number;
  lastUsed: number;
  pins: number;
  /** True once this process has seen the right digest. */
  verified: boolean;
  /** The download or check in flight; who waits for it and stops waiting does not end it for the others. */
  work: { promise: Promise<void>; abort: AbortController; waiters: number } | undefined;
}

const digestPattern = /^[0-9a-f]{64}$/;

/** Models by their digest. A file is used only after this process has seen its digest, so that a rotten disk shows. */
export class ModelStore {
  readonly #options: ModelStoreOptions;
  readonly #folder: string;
  readonly #entries = new Map<string, Entry>();

  private constructor(options: ModelStoreOptions) {
    this.#options = options;
    this.#folder = join(options.directory, 'sha256');
  }

  /** Finds what is there, and removes what a crash left half-written. */
  static async open(options: ModelStoreOptions): Promise<ModelStore> {
    const store = new ModelStore(options);
    mkdirSync(store.#folder, { recursive: true, mode: 0o700 });
    for (const name of await readdir(store.#folder)) {
      const path = join(store.#folder, name);
      if (digestPattern.test(name)) {
        const { size, mtimeMs } = await stat(path);
        store.#entries.set(name, { bytes: size, lastUsed: mtimeMs, pins: 0, verified: false, work: undefined });
      } else {
        await rm(path, { force: true, recursive: true });
      }
    }
    return store;
  }

  /** Digests of the models whose bytes were checked, lately used first. */
  verified(): string[] {
    return [...this.#entries]
      .filter(([, entry]) => entry.verified)
      .toSorted(([, a], [, b]) => b.lastUsed - a.lastUsed)
      .map(([sha256]) => sha256);
  }

  /** Checks what earlier processes left, one file after another. */
  async verifyAll(signal: AbortSignal): Promise<void> {
    for (const sha256 of [...this.#entries.keys()]) {
      if (signal.aborted) return;
      const entry = this.#entries.get(sha256);
      if (entry === undefined || entry.verified || entry.work !== undefined) continue;
      entry.pins += 1;
      try {
        await this.#share(sha256, entry, signal, (inner) => this.#check(sha256, entry, inner));
      } catch (error) {
        if (!signal.aborted) throw error;
      } finally {
        this.#unpin(sha256, entry);
      }
    }
  }

  /**
   * The model's file, downloaded when it is not there. However many ask, it is downloaded once.
   * @throws TaskFailure ModelUnavailable, ModelDigestMismatch, StorageExpired, StorageUnavailable, OutOfCapacity
   */
  async acquire(source: ModelSource, context: StorageContext): Promise<ModelHandle> {
    const { sha256 } = source;
    const entry = this.#entries.get(sha256) ?? { bytes: 0, lastUsed: 0, pins: 0, verified: false, work: undefined };
    this.#entries.set(sha256, entry);
    entry.pins += 1;
    try {
      if (entry.verified && (await this.#touch(sha256, entry))) this.#options.onEvent({ type: 'hit', sha256 });
      // Again when what it joined was only the check of an old file, which turned out to be corrupt.
      while (!entry.verified) {
        await this.#share(sha256, entry, context.signal, (signal) =>
          this.#obtain(source, entry, { ...context, signal }),
        );
        await this.#touch(sha256, entry);
      }
    } catch (error) {
      this.#unpin(sha256, entry);
      throw error;
    }
    let released = false;
    const release = (): void => {
      if (!released) this.#unpin(sha256, entry);
      released = true;
    };
    return { path: this.#path(sha256), release };
  }

  async #obtain(source: ModelSource, entry: Entry, context: StorageContext): Promise<void> {
    const { sha256 } = source;
    if (entry.bytes > 0) await this.#check(sha256, entry, context.signal);
    if (entry.verified) {
      this.#options.onEvent({ type: 'hit', sha256 });
      return;
    }
    await this.#makeRoom(source, entry);
    try {
      await downloadModel(source, this.#path(sha256), context, (bytes) =>
        this.#options.onEvent({ type: 'downloaded', bytes }),
      );
    } catch (error) {
      entry.bytes = 0;
      throw error;
    }
    entry.verified = true;
    this.#options.onEvent({ type: 'changed', sha256 });
  }

  /** Reserves the model's bytes at once, so that two downloads do not both take the last room. */
  async #makeRoom(source: ModelSource, entry: Entry): Promise<void> {
    const { quotaBytes } = this.#options;
    const models = [...this.#entries].map(([sha256, { bytes, lastUsed, pins }]) => ({
      sha256,
      bytes,
      lastUsed,
      pinned: pins > 0,
    }));
    const evicted = planEviction(models, source.sizeBytes, quotaBytes);
    if (evicted === undefined) {
      throw new TaskFailure(
        'OutOfCapacity',
        `the model has ${source.sizeBytes} bytes, which do not fit modelQuota (${quotaBytes}) beside the models in use`,
      );
    }
    entry.bytes = source.sizeBytes;
    for (const sha256 of evicted) this.#entries.delete(sha256);
    for (const sha256 of evicted) {
      await rm(this.#path(sha256), { force: true });
      this.#options.onEvent({ type: 'evicted', sha256 });
    }
  }

  /** Reads a file that an earlier process left; one that is wrong, or that the disk does not give, is removed. */
  async #check(sha256: string, entry: Entry, signal: AbortSignal): Promise<void> {
    const hash = createHash('sha256');
    try {
      await pipeline(createReadStream(this.#path(sha256)), hash, { signal });
    } catch (error) {
      signal.throwIfAborted();
      if (!isFileError(error)) throw error;
      await this.#distrust(sha256, entry);
      return;
    }
    if (hash.digest('hex') !== sha256) {
      await this.#distrust(sha256, entry);
      return;
    }
    entry.verified = true;
    this.#options.onEvent({ type: 'changed', sha256 });
  }

  /** Marks the file as used now. @returns false when it is gone, whoever removed it: it is to be had anew */
  async #touch(sha256: string, entry: Entry): Promise<boolean> {
    if (!entry.verified) return false;
    entry.lastUsed = this.#options.now();
    const used = new Date(entry.lastUsed);
    try {
      await utimes(this.#path(sha256), used, used);
      return true;
    } catch (error) {
      if (!isFileError(error)) throw error;
      await this.#distrust(sha256, entry);
      return false;
    }
  }

  async #distrust(sha256: string, entry: Entry): Promise<void> {
    entry.verified = false;
    entry.bytes = 0;
    this.#options.onEvent({ type: 'corrupt', sha256 });
    // What cannot be removed is in the way of the next download, which says so.
    await rm(this.#path(sha256), { force: true, recursive: true }).catch((error: unknown) => {
      if (!isFileError(error)) throw error;
    });
  }

  /** Joins the work in flight for the model, or starts it. It is aborted when nobody waits for it any more. */
  async #share(
    sha256: string,
    entry: Entry,
    signal: AbortSignal,
    start: (signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    // What was given up is not joined: it ends in an error that is not this caller's.
    while (entry.work?.abort.signal.aborted === true) await entry.work.promise.catch(() => undefined);
    if (entry.work === undefined) {
      const abort = new AbortController();
      const promise = start(abort.signal).finally(() => {
        entry.work = undefined;
      });
      // Each waiter sees the failure by its own race.
      promise.catch(() => undefined);
      entry.work = { promise, abort, waiters: 0 };
    }
    const { work } = entry;
    work.waiters += 1;
    const stopped = Promise.withResolvers<never>();
    const onAbort = (): void => stopped.reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    try {
      await Promise.race([work.promise, stopped.promise]);
    } finally {
      signal.removeEventListener('abort', onAbort);
      work.waiters -= 1;
      if (work.waiters === 0) work.abort.abort(new Error(`nobody waits for model ${sha256}`));
    }
  }

  #unpin(sha256: string, entry: Entry): void {
    entry.pins -= 1;
    if (entry.pins === 0 && entry.bytes === 0 && this.#entries.get(sha256) === entry) this.#entries.delete(sha256);
  }

  #path(sha256: string): string {
    return join(this.#folder, sha256);
  }
}

function isFileError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}
