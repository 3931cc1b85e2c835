import type { ApiClient } from './client.ts';
import type { RequestOptions } from './requests.ts';
import { systemClock, type Clock, type Timer } from './clock.ts';
import { formatMicroTime } from './time.ts';
import { core, type Lease } from './core.ts';
import { ApiError, KubeError } from './errors.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';

export interface LeaderElectorOptions {
  client: Pick<ApiClient, 'find' | 'create' | 'replace'>;
  lease: { namespace: string; name: string };
  /** Unique per process. */
  identity: string;
  /** Default 15 000. Whole seconds. */
  leaseDurationMilliseconds?: number;
  /** A leader that could not renew for this long stops. Default 10 000. */
  renewDeadlineMilliseconds?: number;
  /** Default 2 000. */
  retryPeriodMilliseconds?: number;
  /** Hand the lease over at once on a clean stop. Default true. */
  releaseOnStop?: boolean;
  logger: Logger;
  metrics: Metrics;
  clock?: Clock;
  random?: () => number;
}
/** What this elector last read or wrote, and when it first saw it in this state (on its own monotonic clock). */
interface Observed {
  lease: Lease;
  at: number;
}

/**
 * Leader election on a Lease, after client-go's: no clock is compared with another machine's. A candidate takes the lease
 * over when it has itself watched it stand still for the lease duration; a leader stops when it could not renew for the
 * (shorter) renew deadline, counted from when the last successful renewal was sent.
 *
 * Unlike client-go, each acquisition raises `leaseTransitions`, even by a holder of the same name, so that nobody takes the
 * lease of a later process for its own. What must never come from a deposed leader needs a fencing token of the store it is
 * written to: a Lease can be deleted, and then counts from 0.
 */
export class LeaderElector {
  readonly #options: LeaderElectorOptions;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #logger: Logger;
  readonly #labels: { name: string };
  readonly #leaseMilliseconds: number;
  readonly #renewMilliseconds: number;
  readonly #retryMilliseconds: number;
  #observed: Observed | undefined;
  /** The `leaseTransitions` of the lease this process holds. */
  #transitions: number | undefined;
  /** When the last successful renewal was sent. The wall clock counts too, because the monotonic one stands still while a machine is suspended. */
  #renewed = { monotonic: -Infinity, wall: -Infinity };

  /** @throws RangeError when the spans do not leave room for each other. */
  constructor(options: LeaderElectorOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#labels = { name: `${options.lease.namespace}/${options.lease.name}` };
    this.#logger = options.logger.child({ lease: this.#labels.name, identity: options.identity });
    this.#leaseMilliseconds = options.leaseDurationMilliseconds ?? 15_000;
    this.#renewMilliseconds = options.renewDeadlineMilliseconds ?? 10_000;
    this.#retryMilliseconds = options.retryPeriodMilliseconds ?? 2_000;
    if (!(
      this.#leaseMilliseconds > this.#renewMilliseconds && this.#renewMilliseconds > 1.2 * this.#retryMilliseconds
    )) {
      throw new RangeError(
        `lease duration ${this.#leaseMilliseconds} ms must exceed the renew deadline ${this.#renewMilliseconds} ms, ` +
          `and that 1.2 times the retry period ${this.#retryMilliseconds} ms`,
      );
    }
    if (this.#leaseMilliseconds % 1000 !== 0) {
      throw new RangeError(
        `lease duration ${this.#leaseMilliseconds} ms is not in whole seconds, which a Lease stores`,
      );
    }
    if (options.identity === '') throw new RangeError('identity is empty; a Lease without holder counts as free');
  }

  /** True while this process holds the lease and its last renewal is recent enough to act on. */
  get isLeader(): boolean {
    return this.#transitions !== undefined && this.#remaining() > 0;
  }

  /** Who holds the lease as last seen. */
  get holder(): string | undefined {
    return this.#observed?.lease.spec?.holderIdentity || undefined;
  }

  /**
   * Competes for the lease, runs `lead` while holding it, and resolves once `lead` has ended: `stopped` after the signal or
   * when `lead` returned by itself (the lease is released), `lost` when the lease could not be kept (call again to compete
   * again, or exit). Rejects with what `lead` throws.
   *
   * @param lead its signal aborts when the lease is lost or the elector is stopped
   */
  async run(signal: AbortSignal, lead: (leading: AbortSignal) => Promise<void>): Promise<'stopped' | 'lost'> {
    const leaseTransitions = await this.#acquire(signal);
    if (leaseTransitions === undefined) return 'stopped';
    if (signal.aborted) {
      // Stopped while the lease was being taken: nothing was begun, so it is only given back.
      this.#transitions = undefined;
      if (this.#options.releaseOnStop ?? true) await this.#release();
      return 'stopped';
    }
    const { metrics } = this.#options;
    metrics.leaderStatus.set(this.#labels, 1);
    this.#logger.info({ leaseTransitions }, 'leading');
    const losing = new AbortController();
    const lose = (message: string, fields: object): void => {
      if (losing.signal.aborted) return;
      this.#logger.error(fields, message);
      losing.abort(new KubeError('LEASE_LOST', `lease ${this.#labels.name} was lost: ${message}`));
    };
    const stopWatching = this.#whenOverdue(() => {
      lose('lease not renewed within the deadline', { sinceRenewal: this.#sinceRenewal() });
    });
    // Renewal goes on while `lead` winds down after the signal: until then nobody else may begin.
    const ended = new AbortController();
    const renewal = this.#keepRenewing(ended.signal, losing.signal, leaseTransitions, lose);
    try {
      await lead(AbortSignal.any([signal, losing.signal]));
    } finally {
      ended.abort();
      await renewal;
      stopWatching();
      this.#transitions = undefined;
      metrics.leaderStatus.set(this.#labels, 0);
      const kept = !losing.signal.aborted;
      if (kept && (this.#options.releaseOnStop ?? true)) await this.#release();
      this.#logger.info({ kept }, 'no longer leading');
    }
    return losing.signal.aborted ? 'lost' : 'stopped';
  }

  async #acquire(signal: AbortSignal): Promise<number | undefined> {
    this.#options.metrics.leaderStatus.set(this.#labels, 0);
    this.#options.metrics.leaderRenewFailures.inc(this.#labels, 0);
    while (!signal.aborted) {
      try {
        const transitions = await this.#tryAcquire(signal);
        if (transitions !== undefined) return transitions;
      } catch (error) {
        if (signal.aborted) return undefined;
        // Losing a race is how an election works.
        const race = error instanceof ApiError && (error.isConflict || error.isAlreadyExists);
        if (!race) this.#logger.warn({ err: error }, 'the lease cannot be read or taken; trying again');
      }
      // Also at the very end of the holder's term, so that a takeover does not wait for the next look.
      await this.#pause(signal, this.#untilFree());
    }
    return undefined;
  }

  async #tryAcquire(signal: AbortSignal): Promise<number | undefined> {
    const { client, lease: ref, identity } = this.#options;
    const found = await client.find(core.leases, ref, this.#requestOptions(signal));
    if (found !== undefined) this.#observe(found);
    if (found !== undefined && !this.#isFree(found)) return undefined;
    const leaseTransitions = found === undefined ? 0 : (found.spec?.leaseTransitions ?? 0) + 1;
    const sent = { monotonic: this.#clock.monotonic(), wall: this.#clock.now() };
    const now = formatMicroTime(sent.wall);
    const spec = {
      holderIdentity: identity,
      leaseDurationSeconds: this.#leaseMilliseconds / 1000,
      leaseTransitions,
      acquireTime: now,
      renewTime: now,
    };
    const stored =
      found === undefined
        ? await client.create(core.leases, { metadata: { ...ref }, spec }, this.#requestOptions(signal))
        : await client.replace(core.leases, { ...found, spec }, this.#requestOptions(signal));
    this.#observe(stored);
    this.#renewed = sent;
    this.#transitions = leaseTransitions;
    return leaseTransitions;
  }

  /** No holder, or one that this process has seen stand still for the whole lease duration that it wrote. */
  #isFree(lease: Lease): boolean {
    if (!lease.spec?.holderIdentity) return true;
    return this.#clock.monotonic() - this.#observed!.at >= this.#term(lease);
  }

  /** How long the holder's term still runs if the lease stands still. */
  #untilFree(): number {
    const { lease, at } = this.#observed ?? {};
    if (lease === undefined || at === undefined || this.#isFree(lease)) return Infinity;
    return this.#term(lease) - (this.#clock.monotonic() - at);
  }

  #term({ spec }: Lease): number {
    return (spec?.leaseDurationSeconds ?? this.#leaseMilliseconds / 1000) * 1000;
  }

  #observe(lease: Lease): void {
    if (lease.metadata.resourceVersion !== this.#observed?.lease.metadata.resourceVersion) {
      this.#observed = { lease, at: this.#clock.monotonic() };
    }
  }

  /**
   * Calls back as soon as the last renewal is too old to act on, whatever a request under way is waiting for.
   *
   * @returns a function that ends the watch
   */
  #whenOverdue(callback: () => void): () => void {
    let timer: Timer | undefined;
    const check = (): void => {
      const remaining = this.#remaining();
      if (remaining <= 0) callback();
      else timer = this.#clock.setTimeout(check, remaining);
    };
    check();
    return () => timer?.cancel();
  }

  async #keepRenewing(
    ended: AbortSignal,
    lost: AbortSignal,
    leaseTransitions: number,
    lose: (message: string, fields: object) => void,
  ): Promise<void> {
    const over = AbortSignal.any([ended, lost]);
    while (!over.aborted) {
      await this.#pause(over);
      if (over.aborted) return;
      // The timer of the deadline stood still while the machine was suspended; the wall clock did not.
      if (this.#remaining() <= 0) {
        lose('lease not renewed within the deadline', { sinceRenewal: this.#sinceRenewal() });
        return;
      }
      try {
        if (!(await this.#renew(leaseTransitions, lost))) lose('lease taken by another', { holder: this.holder });
      } catch (error) {
        if (lost.aborted) return;
        this.#options.metrics.leaderRenewFailures.inc(this.#labels);
        this.#logger.warn({ err: error, remaining: this.#remaining() }, 'lease not renewed; trying again');
      }
    }
  }

  /** @returns false when somebody else holds the lease. */
  async #renew(leaseTransitions: number, lost: AbortSignal): Promise<boolean> {
    const { client, lease: ref, identity } = this.#options;
    const options = (): RequestOptions => this.#requestOptions(lost, this.#remaining());
    const sent = { monotonic: this.#clock.monotonic(), wall: this.#clock.now() };
    const write = async (lease: Lease): Promise<Lease> =>
      client.replace(
        core.leases,
        { ...lease, spec: { ...lease.spec, renewTime: formatMicroTime(sent.wall) } },
        options(),
      );
    let stored: Lease;
    try {
      stored = await write(this.#observed!.lease);
    } catch (error) {
      if (!(error instanceof ApiError && (error.isConflict || error.isNotFound))) throw error;
      // Another writer, or our own write whose answer was lost.
      const present = await client.find(core.leases, ref, options());
      if (present !== undefined) this.#observe(present);
      const ours = present?.spec?.holderIdentity === identity && present.spec.leaseTransitions === leaseTransitions;
      if (!ours) return false;
      stored = await write(present);
    }
    this.#observe(stored);
    this.#renewed = sent;
    return true;
  }

  async #release(): Promise<void> {
    const { lease } = this.#observed!;
    const spec = {
      ...lease.spec,
      holderIdentity: '',
      leaseDurationSeconds: 1,
      renewTime: formatMicroTime(this.#clock.now()),
    };
    try {
      const options = { timeoutMilliseconds: this.#retryMilliseconds };
      this.#observe(await this.#options.client.replace(core.leases, { ...lease, spec }, options));
    } catch (error) {
      this.#logger.warn({ err: error }, 'lease not released; it expires by itself');
    }
  }

  #sinceRenewal(): number {
    return Math.max(this.#clock.monotonic() - this.#renewed.monotonic, this.#clock.now() - this.#renewed.wall);
  }

  /** How long the last renewal may still be acted on. */
  #remaining(): number {
    return this.#renewMilliseconds - this.#sinceRenewal();
  }

  /** The retry period, jittered so that candidates do not ask in step. Resolves early on the signal. */
  async #pause(signal: AbortSignal, mostMilliseconds = Infinity): Promise<void> {
    try {
      await this.#clock.sleep(Math.min(mostMilliseconds, this.#retryMilliseconds * (1 + this.#random() * 0.2)), signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** At most half of the deadline for one request, so that one stuck connection leaves time for another try. */
  #requestOptions(signal: AbortSignal, mostMilliseconds = Infinity): RequestOptions {
    return { signal, timeoutMilliseconds: Math.min(mostMilliseconds, this.#renewMilliseconds / 2) };
  }
}
