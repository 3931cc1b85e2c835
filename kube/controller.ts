import { randomUUID } from 'node:crypto';
import { aborted, assertSpan, systemClock, type Clock } from './clock.ts';
import { RequestTimeoutError } from './errors.ts';
import type { ChangeSource } from './informer.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';
import { dispositionOf, type Outcome } from './outcome.ts';
import { WorkQueue, type BackoffOptions, type WorkItem } from './work-queue.ts';

/** Nothing more to do until something changes. */
export const done = Object.freeze({ done: true });
export type ReconcileResult = typeof done | { requeueAfterMilliseconds: number };
/** Run the key again after the span even if nothing changes. @throws RangeError for NaN */
export function requeueAfter(milliseconds: number): ReconcileResult {
  assertSpan('requeueAfter', milliseconds);
  return { requeueAfterMilliseconds: milliseconds };
}

export interface ReconcileContext {
  /** Aborts when the controller's grace period is over, or the reconcile's own time limit is. */
  signal: AbortSignal;
  /** Carries controller, key and reconcileID. */
  logger: Logger;
  /** 1 for the first try since the key last succeeded. */
  attempt: number;
}
export type Reconcile = (key: string, context: ReconcileContext) => Promise<ReconcileResult>;

export interface ControllerOptions {
  name: string;
  reconcile: Reconcile;
  /** Keys reconciled at once. Default 1. */
  concurrency?: number;
  logger: Logger;
  metrics: Metrics;
  clock?: Clock;
  backoff?: BackoffOptions;
  /** After `run`'s signal, how long running reconciles may take to finish. Default 30 000. */
  graceMilliseconds?: number;
  /** Aborts a reconcile that takes longer. Default: no limit. */
  reconcileTimeoutMilliseconds?: number;
}
/** controller-runtime's priority of the first sync: what changes now goes before what was there already. */
const firstSyncPriority = -100;

/**
 * Turns changes into keys and keys into reconciles. A reconcile gets the key and nothing of the event, so it must look at
 * the present state; one key is never reconciled twice at once.
 */
export class Controller {
  readonly name: string;
  readonly #options: ControllerOptions;
  readonly #clock: Clock;
  readonly #queue: WorkQueue;
  readonly #sources: ((signal: AbortSignal) => Promise<void>)[] = [];
  /** Keys being reconciled, with what aborts them. */
  readonly #active = new Map<string, AbortController>();
  #isRunning = false;

  constructor(options: ControllerOptions) {
    this.name = options.name;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#queue = new WorkQueue({
      name: options.name,
      clock: this.#clock,
      metrics: options.metrics,
      ...(options.backoff === undefined ? {} : { backoff: options.backoff }),
    });
  }

  /**
   * Queues keys for each change of the source. Default keys: the changed object's own. For an update both states are
   * mapped, so that the object that lost a reference is reconciled as well as the one that gained it. Call before `run`.
   */
  watches<P>(source: ChangeSource<P>, mapToKeys: (item: P, key: string) => Iterable<string> = (_, key) => [key]): this {
    if (this.#isRunning) throw new Error(`controller ${this.name} is running; declare its watches before`);
    this.#sources.push(async (signal) => {
      const stop = source.onChange((change) => {
        const options = change.type === 'Added' && change.initial ? { priority: firstSyncPriority } : {};
        const states = [
          ...(change.type === 'Deleted' ? [] : [change.current]),
          ...(change.type === 'Added' ? [] : [change.previous]),
        ];
        const keys = new Set(states.flatMap((item) => [...mapToKeys(item, change.key)]));
        for (const key of keys) this.#queue.add(key, options);
      });
      signal.addEventListener('abort', stop, { once: true });
      await Promise.race([source.synced(), aborted(signal)]);
    });
    return this;
  }

  /** Queues a key, now or later. After the controller was stopped this does nothing. */
  enqueue(key: string, options: { priority?: number; afterMilliseconds?: number } = {}): void {
    this.#queue.addAfter(key, options.afterMilliseconds ?? 0, options);
  }

  /**
   * Waits for the sources' first sync, works until the signal aborts, and resolves when running reconciles have ended or the
   * grace period is over (then their signals abort, and they are left behind). A controller runs once.
   */
  async run(signal: AbortSignal): Promise<void> {
    if (this.#isRunning) throw new Error(`controller ${this.name} is already running, or was stopped`);
    this.#isRunning = true;
    const { concurrency = 1, metrics } = this.#options;
    metrics.maxConcurrentReconciles.set({ controller: this.name }, concurrency);
    metrics.activeWorkers.inc({ controller: this.name }, 0);
    metrics.reconcileErrors.inc({ controller: this.name }, 0);
    metrics.terminalErrors.inc({ controller: this.name }, 0);
    const close = (): void => this.#queue.close();
    signal.addEventListener('abort', close, { once: true });
    if (signal.aborted) close();
    await Promise.all(this.#sources.map((start) => start(signal)));
    const workers = Promise.all(Array.from({ length: concurrency }, () => this.#work()));
    const finished = new AbortController();
    await Promise.race([workers.finally(() => finished.abort()), this.#graceOver(signal, finished.signal)]);
  }

  async #work(): Promise<void> {
    for (let item = await this.#queue.take(); item !== undefined; item = await this.#queue.take()) {
      await this.#reconcile(item);
      this.#queue.done(item.key);
    }
  }

  async #reconcile({ key, priority }: WorkItem): Promise<void> {
    const { metrics, reconcile, reconcileTimeoutMilliseconds } = this.#options;
    const logger = this.#options.logger.child({ controller: this.name, key, reconcileID: randomUUID() });
    const attempt = this.#queue.failures(key) + 1;
    const abort = new AbortController();
    const timer =
      reconcileTimeoutMilliseconds === undefined
        ? undefined
        : this.#clock.setTimeout(
            () => abort.abort(new RequestTimeoutError(`reconcile of ${key}`, reconcileTimeoutMilliseconds)),
            reconcileTimeoutMilliseconds,
          );
    this.#active.set(key, abort);
    metrics.activeWorkers.inc({ controller: this.name });
    const started = this.#clock.monotonic();
    let outcome: Outcome;
    try {
      outcome = { result: await reconcile(key, { signal: abort.signal, logger, attempt }) };
    } catch (error) {
      outcome = { error };
    } finally {
      timer?.cancel();
      this.#active.delete(key);
      metrics.activeWorkers.dec({ controller: this.name });
      metrics.reconcileSeconds.observe({ controller: this.name }, (this.#clock.monotonic() - started) / 1000);
    }
    this.#settle(key, priority, attempt, outcome, logger);
  }

  #settle(key: string, priority: number, attempt: number, outcome: Outcome, logger: Logger): void {
    const { metrics } = this.#options;
    const { queue, result, failure, level, message } = dispositionOf(outcome);
    switch (queue.action) {
      case 'forget':
        this.#queue.forget(key);
        break;
      case 'backoff':
        this.#queue.addRateLimited(key, { ...queue, priority });
        break;
      case 'after':
        this.#queue.forget(key);
        // Always by a timer: a key that is ready again at once would leave the event loop no turn for anything else.
        this.#queue.addAfter(key, Math.max(1, queue.milliseconds), { priority });
        break;
    }
    metrics.reconciles.inc({ controller: this.name, result });
    if (failure !== 'none') metrics.reconcileErrors.inc({ controller: this.name });
    if (failure === 'terminal') metrics.terminalErrors.inc({ controller: this.name });
    logger[level]({ attempt, ...queue, ...('error' in outcome ? { err: outcome.error } : {}) }, message);
  }

  /** Resolves once the grace period after the signal is over, having aborted what still runs; or when all has finished. */
  async #graceOver(signal: AbortSignal, finished: AbortSignal): Promise<void> {
    const { graceMilliseconds = 30_000, logger } = this.#options;
    await aborted(signal);
    const timer = Promise.withResolvers<undefined>();
    const handle = this.#clock.setTimeout(() => timer.resolve(undefined), graceMilliseconds);
    await Promise.race([aborted(finished), timer.promise]);
    handle.cancel();
    if (finished.aborted) return;
    logger.warn({ controller: this.name, keys: [...this.#active.keys()] }, 'reconciles outlived the grace period');
    for (const abort of this.#active.values()) abort.abort(new Error('the controller is stopping'));
  }
}
