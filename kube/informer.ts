import type { ApiClient } from './client.ts';
import { systemClock, type Clock } from './clock.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';
import { keyOf, type KubeObject } from './object.ts';
import { Reflector, type ReflectorEvents, type Sink } from './reflector.ts';
import type { Resource } from './resource.ts';
import { Store } from './store.ts';

/** What became of one key. `initial` marks objects of the first sync, which a controller queues at low priority. */
export type Change<P> =
  | { type: 'Added'; key: string; current: P; initial: boolean }
  | { type: 'Updated'; key: string; current: P; previous: P }
  | { type: 'Deleted'; key: string; previous: P };

/** What a controller needs of an informer; anything that emits changes can be watched. */
export interface ChangeSource<P> {
  /** @returns a function that removes the handler. Objects already known are replayed to the handler first. */
  onChange(handler: (change: Change<P>) => void): () => void;
  /** Resolves once the first sync is complete. */
  synced(): Promise<void>;
}

export interface InformerOptions<T extends KubeObject, P = T> {
  client: Pick<ApiClient, 'name' | 'list' | 'watch'>;
  resource: Resource<T>;
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  /** Keeps only what is needed of an object (a projection costs a tenth of the memory). Default: the object. */
  project?: (object: T) => P;
  /** Index name -> values under which an item is found. */
  indexes?: Record<string, (item: P, key: string) => readonly string[]>;
  logger: Logger;
  metrics: Metrics;
  clock?: Clock;
  random?: () => number;
  /**
   * A watch that is silent (bookmarks included) for longer is taken for dead. Default 240 000: an API server sends an idle
   * watch a bookmark about every minute, but leaves some out.
   */
  inactivityMilliseconds?: number;
  /** Safety net: list again and repair the store this often. Default 3 600 000 (jittered); 0 turns it off. */
  relistMilliseconds?: number;
  /** First sync: `watch-list` streams it, `pages` lists it; `auto` streams, and pages where the server cannot. */
  firstSync?: 'auto' | 'watch-list' | 'pages';
}

/**
 * A live, projected copy of a collection. The copy trails the API server a little and never goes back to an older state;
 * whoever acts on it must expect a conflict. An object that was replaced by a namesake while no watch was open shows as
 * Updated.
 */
export class Informer<T extends KubeObject, P = T> implements ChangeSource<P> {
  readonly #options: InformerOptions<T, P>;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #labels: { cluster: string; resource: string };
  readonly #project: (object: T) => P;
  readonly #store: Store<P>;
  readonly #handlers = new Set<(change: Change<P>) => void>();
  readonly #firstSync = Promise.withResolvers<undefined>();
  #seen: Set<string> | undefined;
  #hasSynced = false;
  #isRunning = false;
  #lastEventAt = 0;

  constructor(options: InformerOptions<T, P>) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#labels = { cluster: options.client.name, resource: options.resource.plural };
    this.#logger = options.logger.child(this.#labels);
    // Without a projection P is T, which the compiler cannot see through the default.
    this.#project = options.project ?? ((object) => object as unknown as P);
    this.#store = new Store(options.indexes);
  }

  get hasSynced(): boolean {
    return this.#hasSynced;
  }
  get size(): number {
    return this.#store.size;
  }
  get(key: string): P | undefined {
    return this.#store.get(key);
  }
  list(): P[] {
    return this.#store.list();
  }
  keys(): IterableIterator<string> {
    return this.#store.keys();
  }
  /** @throws TypeError when no such index was declared. */
  byIndex(name: string, value: string): P[] {
    return this.#store.byIndex(name, value);
  }

  async synced(): Promise<void> {
    await this.#firstSync.promise;
  }

  onChange(handler: (change: Change<P>) => void): () => void {
    this.#handlers.add(handler);
    for (const key of [...this.#store.keys()]) {
      this.#guard(key, () => handler({ type: 'Added', key, current: this.#store.get(key)!, initial: true }));
    }
    return () => void this.#handlers.delete(handler);
  }

  /** Syncs and watches until the signal aborts; resolves then. Never rejects on a server's or the network's failure. */
  async run(signal: AbortSignal): Promise<void> {
    if (this.#isRunning) throw new Error(`informer of ${this.#labels.resource} is already running`);
    this.#isRunning = true;
    const { client, resource, namespace, labelSelector, fieldSelector, metrics } = this.#options;
    const selection = {
      ...(namespace === undefined ? {} : { namespace }),
      ...(labelSelector === undefined ? {} : { labelSelector }),
      ...(fieldSelector === undefined ? {} : { fieldSelector }),
    };
    this.#lastEventAt = this.#clock.monotonic();
    const stopObserving = metrics.lastEventAge.observe(() => [
      { labels: this.#labels, value: (this.#clock.monotonic() - this.#lastEventAt) / 1000 },
    ]);
    const reflector = new Reflector<T>({
      source: {
        list: (page) => client.list(resource, { ...selection, ...page }),
        watch: (watch) => client.watch(resource, { ...selection, ...watch }),
      },
      sink: this.#sink(),
      events: this.#events(),
      clock: this.#clock,
      random: this.#options.random ?? Math.random,
      inactivityMilliseconds: this.#options.inactivityMilliseconds ?? 240_000,
      relistMilliseconds: this.#options.relistMilliseconds ?? 3_600_000,
      firstSync: this.#options.firstSync ?? 'auto',
    });
    try {
      await reflector.run(signal);
    } finally {
      stopObserving();
      metrics.objects.remove(this.#labels);
      this.#isRunning = false;
    }
  }

  #sink(): Sink<T> {
    return {
      begin: () => {
        this.#seen = new Set();
      },
      put: (object) => {
        const key = keyOf(object);
        this.#seen?.add(key);
        this.#guard(key, () => {
          const item = this.#project(object);
          const resourceVersion = object.metadata.resourceVersion ?? '';
          this.#emit(this.#store.upsert({ key, resourceVersion, item }, !this.#hasSynced));
        });
      },
      remove: (object) => {
        const key = keyOf(object);
        this.#seen?.delete(key);
        this.#guard(key, () => this.#emit(this.#store.remove(key)));
      },
      commit: () => {
        for (const change of this.#store.retainOnly(this.#seen ?? new Set())) this.#emit(change);
        this.#seen = undefined;
      },
    };
  }

  #events(): ReflectorEvents {
    const { metrics } = this.#options;
    return {
      synced: (mode) => {
        metrics.lists.inc({ ...this.#labels, mode });
        metrics.objects.set(this.#labels, this.#store.size);
        this.#logger.debug({ mode, objects: this.#store.size }, 'synced');
        this.#hasSynced = true;
        this.#firstSync.resolve(undefined);
      },
      watching: () => metrics.watches.inc(this.#labels),
      received: (type) => {
        this.#lastEventAt = this.#clock.monotonic();
        metrics.watchEvents.inc({ ...this.#labels, type });
      },
      listed: () => {
        this.#lastEventAt = this.#clock.monotonic();
      },
      restarted: (reason, error, delayMilliseconds) => {
        metrics.watchRestarts.inc({ ...this.#labels, reason });
        const fields = { reason, delayMilliseconds, ...(reason === 'error' ? { err: error } : {}) };
        if (reason === 'error') this.#logger.warn(fields, 'watch failed; it is resumed');
        else this.#logger.debug(fields, 'watch ended; it is resumed');
      },
    };
  }

  #emit(change: Change<P> | undefined): void {
    if (change === undefined) return;
    this.#options.metrics.objects.set(this.#labels, this.#store.size);
    for (const handler of this.#handlers) this.#guard(change.key, () => handler(change));
  }

  /** A projection, index or handler that throws is a bug to be seen; it must not cost the objects after it. */
  #guard(key: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#options.metrics.handlerErrors.inc(this.#labels);
      this.#logger.error({ err: error, key }, 'a projection, index or change handler threw; the stream goes on');
    }
  }
}
