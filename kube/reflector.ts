import { setImmediate as nextTurn } from 'node:timers/promises';
import { jitteredBackoff, retryAfterDelay } from './backoff.ts';
import type { ListOptions, WatchEvent, WatchOptions } from './requests.ts';
import type { Clock, Timer } from './clock.ts';
import { ApiError, KubeError } from './errors.ts';
import type { KubeList, KubeObject } from './object.ts';
import { isOlder, type Verdict } from './resource-version.ts';

/** The two requests a reflector makes. */
export interface ListWatch<T> {
  list(options: ListOptions & { signal: AbortSignal }): Promise<KubeList<T>>;
  watch(options: WatchOptions & { signal: AbortSignal }): AsyncIterable<WatchEvent<T>[]>;
}

/** Receives the collection: `begin`, `put` for everything there is, `commit` (what was not put is gone), then changes. */
export interface Sink<T> {
  /** @param rewound the server has gone back in time: equal versions of then and now need not be equal objects */
  begin(rewound: boolean): void;
  /** @param newest the version that the stream had reached, undefined during a sync */
  put(object: T, newest: string | undefined): Verdict;
  commit(): void;
  remove(object: T, newest: string | undefined): Verdict;
}

/** Why a watch ended. `disorder`: events came in an order that leaves open what there is; `rewound`: see {@link Sink}. */
export type RestartReason = 'closed' | 'inactive' | 'gone' | 'relist' | 'throttled' | 'disorder' | 'rewound' | 'error';

export interface ReflectorEvents {
  synced(mode: 'watch-list' | 'pages'): void;
  watching(): void;
  /** An event or bookmark arrived. */
  received(type: string): void;
  /** A page of a list arrived. */
  listed(): void;
  restarted(reason: RestartReason, error: unknown, delayMilliseconds: number): void;
}

export interface ReflectorOptions<T> {
  source: ListWatch<T>;
  sink: Sink<T>;
  events: ReflectorEvents;
  clock: Clock;
  random: () => number;
  inactivityMilliseconds: number;
  /** 0: never. */
  relistMilliseconds: number;
  firstSync: 'auto' | 'watch-list' | 'pages';
}

const pageSize = 500;
const backoffBaseMilliseconds = 800;
const backoffMaxMilliseconds = 30_000;
/** A watch that lived this long shows a healthy server: its end is not a reason to hold back. */
const healthyMilliseconds = 10_000;
/** What a first sync streams comes without pauses: one that is silent for this long comes from a server that cannot stream it. */
const syncSilenceMilliseconds = 90_000;
/** The loop is given back after this span of decoding and handling. */
const sliceMilliseconds = 8;
/** After these ends everything is synced anew. */
const resyncs: ReadonlySet<RestartReason> = new Set(['gone', 'relist', 'disorder', 'rewound']);
/** These ends cost the server something however long the watch lived. */
const strains: ReadonlySet<RestartReason> = new Set(['gone', 'throttled', 'disorder', 'rewound']);

type Abandonment = 'inactive' | 'relist' | 'disorder' | 'rewound';

/** The watch was given up by this side. */
class WatchAbandoned extends Error {
  readonly reason: Abandonment;
  constructor(reason: Abandonment) {
    super(`watch given up: ${reason}`);
    this.reason = reason;
  }
}

/**
 * Keeps a sink equal to a collection of the API server: one full sync, then a watch that is resumed from the last
 * resourceVersion whenever it is cut (a busy server cuts watchers without an error), and synced anew only when that version
 * is compacted or from another time line, or as a periodic safety net.
 */
export class Reflector<T extends KubeObject> {
  readonly #options: ReflectorOptions<T>;
  /** Where to resume; undefined asks for a full sync. */
  #resourceVersion: string | undefined;
  #useWatchList: boolean;
  #relistAt = Infinity;
  #failures = 0;
  /** The watch of this cycle brought something new after the sync. */
  #progressed = false;
  /** The last watch ended before its time, so that another server may be there now: one that was restored from a backup. */
  #interrupted = false;
  #rewound = false;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#useWatchList = options.firstSync !== 'pages';
  }

  /** Runs until the signal aborts; then resolves. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, events } = this.#options;
    while (!signal.aborted) {
      const started = clock.monotonic();
      let failure: unknown;
      this.#progressed = false;
      try {
        await this.#cycle(signal);
      } catch (error) {
        failure = error;
      }
      if (signal.aborted) return;
      const reason = this.#reasonOf(failure);
      if (resyncs.has(reason)) this.#resourceVersion = undefined;
      if (reason === 'rewound') this.#rewound = true;
      // An ended watch is ordinary; one that ends at once and brought nothing is a server that sheds us.
      const healthy = this.#progressed || clock.monotonic() - started >= healthyMilliseconds;
      this.#failures = healthy && !strains.has(reason) ? 0 : this.#failures + 1;
      const delay = this.#delayAfter(failure);
      events.restarted(reason, failure, delay);
      try {
        await clock.sleep(delay, signal);
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    }
  }

  /** One sync if needed, and one watch; returns when the server ends the watch in an orderly way. */
  async #cycle(signal: AbortSignal): Promise<void> {
    if (this.#resourceVersion !== undefined && this.#interrupted) await this.#assertSameTimeLine(signal);
    if (this.#resourceVersion === undefined && !this.#useWatchList) {
      await this.#syncByPages(signal);
      this.#synced('pages');
    }
    await this.#watch(signal);
  }

  /**
   * A server that was restored from an older backup has not reached our version yet. It takes a watch from there without a
   * word, and stays silent until it has: all changes until then would be missed.
   */
  async #assertSameTimeLine(signal: AbortSignal): Promise<void> {
    let version: string | undefined;
    try {
      version = (await this.#options.source.list({ limit: 1, signal })).metadata.resourceVersion;
    } catch (error) {
      // Whoever may only watch cannot ask.
      if (!(error instanceof ApiError && error.isForbidden)) throw error;
    }
    if (isOlder(version, this.#resourceVersion)) throw new WatchAbandoned('rewound');
    this.#interrupted = false;
  }

  async #syncByPages(signal: AbortSignal): Promise<void> {
    const { source, sink } = this.#options;
    sink.begin(this.#rewound);
    let page: KubeList<T> | undefined;
    do {
      const next = page?.metadata.continue;
      page = await source.list({ limit: pageSize, signal, ...(next ? { continue: next } : {}) });
      for (const object of page.items) sink.put(object, undefined);
      this.#options.events.listed();
      await nextTurn();
    } while (page.metadata.continue);
    sink.commit();
    this.#resourceVersion = page.metadata.resourceVersion;
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { source, clock, events, random, inactivityMilliseconds } = this.#options;
    const abandon = new AbortController();
    const timers: Timer[] = [];
    const sync = this.#resourceVersion === undefined;
    const state = { syncing: sync };
    let lastSeen = clock.monotonic();
    const checkActivity = (): void => {
      const most = state.syncing ? Math.min(inactivityMilliseconds, syncSilenceMilliseconds) : inactivityMilliseconds;
      const left = lastSeen + most - clock.monotonic();
      if (left <= 0) abandon.abort(new WatchAbandoned('inactive'));
      else timers[0] = clock.setTimeout(checkActivity, left);
    };
    checkActivity();
    if (this.#resourceVersion !== undefined && this.#relistAt !== Infinity) {
      const untilRelist = this.#relistAt - clock.monotonic();
      timers[1] = clock.setTimeout(() => abandon.abort(new WatchAbandoned('relist')), untilRelist);
    }
    if (sync) this.#options.sink.begin(this.#rewound);
    // Spread, so that many watches do not end together.
    const timeoutSeconds = Math.round(240 + random() * 60);
    const endsAt = clock.monotonic() + timeoutSeconds * 1000;
    this.#interrupted = true;
    const stop = AbortSignal.any([signal, abandon.signal]);
    try {
      const batches = source.watch({
        signal: stop,
        timeoutSeconds,
        ...(this.#resourceVersion === undefined
          ? { sendInitialEvents: true }
          : { resourceVersion: this.#resourceVersion }),
      });
      events.watching();
      let sliceStarted = performance.now();
      for await (const batch of batches) {
        stop.throwIfAborted();
        lastSeen = clock.monotonic();
        for (const event of batch) {
          this.#handle(event, state);
          if (performance.now() - sliceStarted > sliceMilliseconds) {
            await nextTurn();
            stop.throwIfAborted();
            lastSeen = clock.monotonic();
            sliceStarted = performance.now();
          }
        }
      }
      stop.throwIfAborted();
      if (state.syncing) throw new KubeError('WATCH_FAILED', 'the stream ended before the first sync was complete');
      this.#interrupted = clock.monotonic() < endsAt;
    } catch (error) {
      throw abandon.signal.aborted && !signal.aborted ? (abandon.signal.reason as WatchAbandoned) : error;
    } finally {
      for (const timer of timers) timer.cancel();
      if (state.syncing) this.#considerPages(abandon.signal.aborted);
    }
  }

  #handle(event: WatchEvent<T>, state: { syncing: boolean }): void {
    const { sink, events } = this.#options;
    events.received(event.type);
    const newest = state.syncing ? undefined : this.#resourceVersion;
    switch (event.type) {
      case 'ADDED':
      case 'MODIFIED':
        if (sink.put(event.object, newest) === 'unclear') throw new WatchAbandoned('disorder');
        break;
      case 'DELETED':
        sink.remove(event.object, newest);
        break;
      case 'BOOKMARK':
        break;
      case 'ERROR': {
        const { code, reason, message, details } = event.object;
        throw new ApiError(`watch: ${message ?? 'error without a message'}`, {
          status: code ?? 500,
          reason: reason ?? '',
          details: details ?? {},
        });
      }
    }
    const { resourceVersion, annotations } = event.object.metadata;
    if (!state.syncing) {
      if (resourceVersion === undefined || resourceVersion === newest || isOlder(resourceVersion, newest)) return;
      this.#progressed = true;
      this.#resourceVersion = resourceVersion;
    } else if (event.type === 'BOOKMARK' && annotations?.['k8s.io/initial-events-end'] === 'true') {
      state.syncing = false;
      sink.commit();
      this.#resourceVersion = resourceVersion;
      this.#synced('watch-list');
    }
  }

  #synced(mode: 'watch-list' | 'pages'): void {
    const { relistMilliseconds, clock, random, events } = this.#options;
    this.#rewound = false;
    if (relistMilliseconds > 0) this.#relistAt = clock.monotonic() + relistMilliseconds * (0.9 + random() * 0.2);
    events.synced(mode);
  }

  /** A server too old for watch-list ignores the parameter and never ends the initial events. */
  #considerPages(inactive: boolean): void {
    if (this.#options.firstSync === 'auto' && inactive) this.#useWatchList = false;
  }

  #reasonOf(error: unknown): RestartReason {
    if (error === undefined) return 'closed';
    if (error instanceof WatchAbandoned) return error.reason;
    if (error instanceof ApiError) {
      if (error.isGone) return 'gone';
      if (error.isTooManyRequests) return 'throttled';
      const unsupported = error.isInvalid && this.#resourceVersion === undefined;
      if (unsupported && this.#options.firstSync === 'auto') this.#useWatchList = false;
    }
    return 'error';
  }

  #delayAfter(error: unknown): number {
    const { random } = this.#options;
    // The first restart after a healthy watch is prompt, yet not in step with everybody else's.
    const backoff =
      this.#failures === 0
        ? random() * 100
        : jitteredBackoff(this.#failures - 1, backoffBaseMilliseconds, backoffMaxMilliseconds, random);
    return error instanceof ApiError && error.retryAfterSeconds !== undefined
      ? retryAfterDelay(error.retryAfterSeconds, backoff, random)
      : backoff;
  }
}
