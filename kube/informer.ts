import type { ApiClient } from './client.ts';
import { systemClock, type Clock } from './clock.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';
import { keyOf, type KubeObject } from './object.ts';
import { Reflector, type ReflectorEvents, type RestartReason, type Sink } from './reflector.ts';
import type { Resource } from './resource.ts';
import { judge, type Verdict } from './resource-version.ts';
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

/** What is ordinary is told to who debugs; what an administrator may have to mend is a warning. */
const restartLines: Record<RestartReason, { level: 'debug' | 'info' | 'warn'; message: string }> = {
  closed: { level: 'debug', message: 'watch ended; it is resumed' },
  relist: { level: 'debug', message: 'time for a full sync' },
  gone: { level: 'info', message: 'the server has forgotten our version; everything is synced anew' },
  inactive: { level: 'warn', message: 'watch was silent for too long; it is resumed on another connection' },
  throttled: { level: 'warn', message: 'the server throttles; the watch is opened later' },
  disorder: { level: 'warn', message: 'events came out of order; everything is synced anew' },
  rewound: { level: 'warn', message: 'the server is older than what it told us: restored? everything is synced anew' },
  error: { level: 'warn', message: 'watch failed; it is resumed' },
};

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
  /** While a sync runs: the version of everything it has seen so far, deletions included. */
  #seen: Map<string, string> | undefined;
  #rewound = false;
  #hasToldDisorder = false;
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
      begin: (rewound) => {
        this.#seen = new Map();
        this.#rewound = rewound;
      },
      put: (object, newest) =>
        this.#take(object, false, newest, (key, resourceVersion) => {
          const item = this.#project(object);
          const rewound = this.#seen !== undefined && this.#rewound;
          this.#emit(this.#store.upsert({ key, resourceVersion, item }, { initial: !this.#hasSynced, rewound }));
        }),
      remove: (object, newest) => this.#take(object, true, newest, (key) => this.#emit(this.#store.remove(key))),
      commit: () => {
        for (const change of this.#store.retainOnly(this.#seen ?? new Map())) this.#emit(change);
        this.#seen = undefined;
      },
    };
  }

  #take(
    object: T,
    removed: boolean,
    newest: string | undefined,
    apply: (key: string, resourceVersion: string) => void,
  ): Verdict {
    const key = keyOf(object);
    const { resourceVersion: version = '' } = object.metadata;
    // A sync says what there is, whatever was known before.
    const known = this.#seen === undefined ? this.#store.versionOf(key) : this.#seen.get(key);
    const verdict = judge({ removed, version }, known, newest);
    if (verdict === 'new') {
      this.#seen?.set(key, version);
      this.#guard(key, () => apply(key, version));
      return verdict;
    }
    this.#options.metrics.disorder.inc({ ...this.#labels, verdict });
    // Once a watch: a proxy that repeats everything must not fill the log as well.
    if (!this.#hasToldDisorder) this.#logger.warn({ key, verdict, version, known, newest }, 'event out of order');
    this.#hasToldDisorder = true;
    return verdict;
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
      watching: () => {
        this.#hasToldDisorder = false;
        metrics.watches.inc(this.#labels);
      },
      received: (type) => {
        this.#lastEventAt = this.#clock.monotonic();
        metrics.watchEvents.inc({ ...this.#labels, type });
      },
      listed: () => {
        this.#lastEventAt = this.#clock.monotonic();
      },
      restarted: (reason, error, delayMilliseconds) => {
        metrics.watchRestarts.inc({ ...this.#labels, reason });
        const { level, message } = restartLines[reason];
        this.#logger[level]({ reason, delayMilliseconds, ...(error === undefined ? {} : { err: error }) }, message);
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
