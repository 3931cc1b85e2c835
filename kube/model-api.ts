import type { ListOptions, WatchEvent, WatchOptions } from './requests.ts';
import { ApiError } from './errors.ts';
import { keyOf, type KubeList, type KubeObject, type ObjectRef } from './object.ts';
import type { Resource } from './resource.ts';

interface Logged<T> {
  version: number;
  event: WatchEvent<T>;
}

/** How a watch of the model is ended by a test. */
export type Cut = 'close' | 'reset' | 'gone' | 'internal-error';

/**
 * The API server's contract for one collection, as a model for property tests: versions, a log that can be compacted, pages
 * of a snapshot, watches that can be cut, can hang and can deliver twice, and a server that is restored from a backup. The real server is met in test/conformance.
 */
export class ModelApi<T extends KubeObject> {
  readonly name = 'model';
  readonly objects = new Map<string, T>();
  /** Requests so far; a test may look or reset. */
  counts = { list: 0, check: 0, watch: 0, watchList: 0 };
  supportsWatchList = true;
  /** Answers instead of the next list or watch. */
  nextError: Error | undefined;
  /** While set, watches deliver nothing and end only when the client gives them up. */
  isHung = false;
  /** How many events a resumed watch delivers again. */
  redeliver = 0;
  /** What becomes of events on their way: a proxy repeats them, keeps some back, turns their order. */
  transmit: (events: WatchEvent<T>[]) => WatchEvent<T>[] = (events) => events;
  #version = 1;
  #compacted = 0;
  #log: Logged<T>[] = [];
  readonly #snapshots = new Map<string, { version: number; items: T[] }>();
  readonly #cuts = new Set<(cut: Cut) => void>();
  #wake = Promise.withResolvers<undefined>();

  get version(): number {
    return this.#version;
  }

  put(object: T): T {
    const key = keyOf(object);
    this.#version += 1;
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } };
    this.#append({ type: this.objects.has(key) ? 'MODIFIED' : 'ADDED', object: stored });
    this.objects.set(key, stored);
    return stored;
  }

  remove(key: string): void {
    const object = this.objects.get(key);
    if (object === undefined) return;
    this.#version += 1;
    this.objects.delete(key);
    const last = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } };
    this.#append({ type: 'DELETED', object: last });
  }

  bookmark(): void {
    this.#version += 1;
    this.#append({ type: 'BOOKMARK', object: this.#bookmarkObject({}) });
  }

  /** Forgets the past: older versions are answered with 410. */
  compact(): void {
    this.#compacted = this.#version;
    this.#log = [];
    this.#snapshots.clear();
  }

  /** @returns a function that restores the present state, and breaks every watch as a restarted server does. */
  backUp(): () => void {
    const [version, objects] = [this.#version, [...this.objects]];
    return () => {
      this.compact();
      [this.#version, this.#compacted] = [version, version];
      this.objects.clear();
      for (const [key, object] of objects) this.objects.set(key, object);
      this.cut('reset');
    };
  }

  /** Ends every open watch. */
  cut(kind: Cut): void {
    for (const end of [...this.#cuts]) end(kind);
  }

  async list(_resource: Resource<T>, options: ListOptions = {}): Promise<KubeList<T>> {
    this.counts[options.limit === 1 ? 'check' : 'list'] += 1;
    this.#failIfAsked();
    const limit = options.limit ?? Infinity;
    const [id, from] = (options.continue ?? ':0').split(':') as [string, string];
    const snapshot =
      id === '' ? { version: this.#version, items: [...this.objects.values()] } : this.#snapshots.get(id);
    if (snapshot === undefined) throw new ApiError('continue token expired', { status: 410, reason: 'Expired' });
    const start = Number(from);
    const end = start + limit;
    const metadata: KubeList<T>['metadata'] = { resourceVersion: String(snapshot.version) };
    if (end < snapshot.items.length) {
      const next = String(snapshot.version);
      this.#snapshots.set(next, snapshot);
      metadata.continue = `${next}:${end}`;
    }
    return { metadata, items: snapshot.items.slice(start, end) };
  }

  async *watch(
    _resource: Resource<T>,
    options: WatchOptions & { signal: AbortSignal },
  ): AsyncGenerator<WatchEvent<T>[], void> {
    this.counts.watch += 1;
    this.#failIfAsked();
    const ended = Promise.withResolvers<Cut>();
    const { signal } = options;
    signal.throwIfAborted();
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
    aborted.catch(() => undefined);
    this.#cuts.add(ended.resolve);
    try {
      let version = Number(options.resourceVersion ?? this.#version);
      if (options.sendInitialEvents === true) {
        this.counts.watchList += 1;
        if (!this.supportsWatchList) {
          throw new ApiError('sendInitialEvents is forbidden', { status: 422, reason: 'Invalid' });
        }
        version = this.#version;
        const initial = [...this.objects.values()];
        for (const object of initial) yield this.transmit([{ type: 'ADDED', object }]);
        yield [{ type: 'BOOKMARK', object: this.#bookmarkObject({ 'k8s.io/initial-events-end': 'true' }, version) }];
      } else {
        if (version < this.#compacted) {
          yield [{ type: 'ERROR', object: { code: 410, reason: 'Expired', message: 'too old resource version' } }];
          return;
        }
        const again = this.#log.filter((entry) => entry.version <= version).slice(-this.redeliver || Infinity);
        if (this.redeliver > 0 && again.length > 0) yield again.map((entry) => entry.event);
      }
      for (;;) {
        // A server never skips what it no longer has: it ends the watch, and answers the resume with 410.
        if (version < this.#compacted && !this.isHung) return;
        const batch = this.isHung ? [] : this.#log.filter((entry) => entry.version > version);
        if (batch.length > 0) {
          version = batch.at(-1)!.version;
          yield this.transmit(batch.map((entry) => entry.event));
          continue;
        }
        const cut = await Promise.race([this.#wake.promise, ended.promise, aborted]);
        switch (cut) {
          case undefined:
            break;
          case 'close':
            return;
          case 'reset':
            throw new TypeError('socket hang up');
          case 'gone':
            yield [{ type: 'ERROR', object: { code: 410, reason: 'Expired', message: 'compacted' } }];
            return;
          case 'internal-error':
            yield [{ type: 'ERROR', object: { code: 500, reason: 'InternalError', message: 'etcd' } }];
            return;
        }
      }
    } finally {
      this.#cuts.delete(ended.resolve);
    }
  }

  async find(_resource: Resource<T>, ref: ObjectRef): Promise<T | undefined> {
    this.#failIfAsked();
    return this.objects.get(keyOf(ref));
  }

  async create(_resource: Resource<T>, object: T): Promise<T> {
    this.#failIfAsked();
    if (this.objects.has(keyOf(object))) throw new ApiError('exists', { status: 409, reason: 'AlreadyExists' });
    return this.put(object);
  }

  async replace(_resource: Resource<T>, object: T): Promise<T> {
    this.#failIfAsked();
    const present = this.objects.get(keyOf(object));
    if (present === undefined) throw new ApiError('gone', { status: 404, reason: 'NotFound' });
    if (present.metadata.resourceVersion !== object.metadata.resourceVersion) {
      throw new ApiError('changed', { status: 409, reason: 'Conflict' });
    }
    return this.put(object);
  }

  #failIfAsked(): void {
    const error = this.nextError;
    this.nextError = undefined;
    if (error !== undefined) throw error;
  }

  #bookmarkObject(annotations: Record<string, string>, version = this.#version): T {
    return { metadata: { resourceVersion: String(version), annotations } } as T;
  }

  #append(event: WatchEvent<T>): void {
    this.#log.push({ version: this.#version, event });
    this.#wake.resolve(undefined);
    this.#wake = Promise.withResolvers();
  }
}
