import { jitteredBackoff } from './backoff.ts';
import type { ApiClient } from './client.ts';
import type { ClientOptions } from './client-options.ts';
import { aborted, systemClock, type Clock } from './clock.ts';
import { ApiError, ClusterNotConnectedError, KubeconfigError } from './errors.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';

export type Disconnected = 'Connecting' | 'Unreachable' | 'Unauthorized' | 'Misconfigured';
export interface ClusterState {
  connected: boolean;
  /** Absent while connected. Unreachable is the network's or server's fault; the other two are ours to repair. */
  reason?: Disconnected;
  message?: string;
  consecutiveFailures: number;
  /** On the set's monotonic clock, milliseconds; undefined before the first success. */
  lastContact?: number;
}
export interface ClusterSetOptions {
  /**
   * Builds a client for a member; give `options` (name, metrics, rate limit) to its constructor. A KubeconfigError, or a 404
   * of the Secret, marks the member Misconfigured; an ApiError 401 or 403 Unauthorized; everything else Unreachable.
   */
  connect: (cluster: string, signal: AbortSignal, options: ClientOptions) => Promise<ApiClient>;
  /** Of each member's client. Default 20. */
  requestsPerSecond?: number;
  /** Default 30. */
  burst?: number;
  logger: Logger;
  metrics: Metrics;
  clock?: Clock;
  random?: () => number;
  /** Default 10 000. */
  probeIntervalMilliseconds?: number;
  /** Default 5 000. */
  probeTimeoutMilliseconds?: number;
  /** Probes in a row that must fail before a member counts as disconnected. Default 3. */
  failureThreshold?: number;
  /** What ClusterNotConnectedError asks a controller to wait. Default 5 000. */
  requeueMilliseconds?: number;
}
/** A work restarted after it failed, and a member that cannot be reached, wait at least and at most this long. */
const backoffBaseMilliseconds = 1_000;
const backoffMaxMilliseconds = 60_000;

type Work = (cluster: string, client: ApiClient, signal: AbortSignal) => Promise<void>;

interface Member {
  state: ClusterState;
  client?: ApiClient;
  /** Ends the member. */
  readonly removal: AbortController;
  /** Ends the present connection; the member connects again. */
  connection: AbortController;
  finished: Promise<void>;
}

/**
 * One accessor per member cluster, after Cluster API's clustercache: a member that cannot be reached makes its callers
 * requeue and nobody fail; connecting holds nobody up; what runs on a member ends and begins with its connection.
 */
export class ClusterSet {
  readonly #options: ClusterSetOptions;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #members = new Map<string, Member>();
  /** Removed members that wind down; one of the same name begins after them. */
  readonly #leaving = new Map<string, Promise<void>>();
  readonly #handlers = new Set<(cluster: string, state: ClusterState) => void>();
  readonly #works = new Map<string, Work>();
  #running: AbortSignal | undefined;

  constructor(options: ClusterSetOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
  }

  /** Starts connecting in the background (once `run` is on); adding a known name again reconnects it, since its credentials may have changed. */
  add(cluster: string): void {
    const known = this.#members.get(cluster);
    if (known !== undefined) {
      known.connection.abort(new Error('added again'));
      return;
    }
    const member: Member = {
      state: { connected: false, reason: 'Connecting', consecutiveFailures: 0 },
      removal: new AbortController(),
      connection: new AbortController(),
      finished: Promise.resolve(),
    };
    this.#members.set(cluster, member);
    if (this.#running !== undefined) this.#start(cluster, member, this.#running);
  }

  /** Stops what runs on the member and closes its client; resolves then. Nothing is told of it any more. */
  async remove(cluster: string): Promise<void> {
    const member = this.#members.get(cluster);
    if (member === undefined) return;
    this.#members.delete(cluster);
    member.removal.abort(new Error('removed'));
    const left = member.finished.then(() => {
      this.#options.metrics.clusterConnected.remove({ cluster });
      if (this.#leaving.get(cluster) === left) this.#leaving.delete(cluster);
    });
    this.#leaving.set(cluster, left);
    await left;
  }

  names(): string[] {
    return [...this.#members.keys()];
  }

  /** @throws ClusterNotConnectedError, which a controller turns into a requeue. */
  client(cluster: string): ApiClient {
    const client = this.#members.get(cluster)?.client;
    if (client === undefined) throw new ClusterNotConnectedError(cluster, this.#options.requeueMilliseconds ?? 5_000);
    return client;
  }

  /** Undefined for a cluster that is not in the set. */
  state(cluster: string): ClusterState | undefined {
    return this.#members.get(cluster)?.state;
  }

  /** Tells every change of a member's connectedness or of the reason for it. @returns a function that removes the handler. */
  onChange(handler: (cluster: string, state: ClusterState) => void): () => void {
    this.#handlers.add(handler);
    return () => void this.#handlers.delete(handler);
  }

  /**
   * Runs `work` (typically informers) with each new connection of every member, present and future; its signal aborts when that connection is
   * dropped, and the member reconnects only after the work has ended. A work that throws is logged and started again.
   * Call before `run`.
   */
  whileConnected(name: string, work: Work): void {
    if (this.#running !== undefined) throw new Error('the set is running; declare its works before');
    this.#works.set(name, work);
  }

  /** Keeps members connected until the signal aborts, then closes every one. */
  async run(signal: AbortSignal): Promise<void> {
    if (this.#running !== undefined) throw new Error('the set is already running');
    this.#running = signal;
    for (const [cluster, member] of this.#members) this.#start(cluster, member, signal);
    await aborted(signal);
    await Promise.all([...Array.from(this.#members.values(), (member) => member.finished), ...this.#leaving.values()]);
  }

  #start(cluster: string, member: Member, signal: AbortSignal): void {
    const ended = AbortSignal.any([signal, member.removal.signal]);
    const before = this.#leaving.get(cluster) ?? Promise.resolve();
    member.finished = before.then(() => this.#keepConnected(cluster, member, ended));
  }

  async #keepConnected(cluster: string, member: Member, ended: AbortSignal): Promise<void> {
    if (ended.aborted) return;
    const logger = this.#options.logger.child({ cluster });
    this.#options.metrics.clusterConnected.set({ cluster }, 0);
    for (let attempt = 0; !ended.aborted; attempt++) {
      member.connection = new AbortController();
      const signal = AbortSignal.any([ended, member.connection.signal]);
      try {
        await this.#oneConnection(cluster, member, signal, () => (attempt = -1));
      } catch (error) {
        if (!signal.aborted) {
          const reason = disconnectedReason(error);
          logger.warn({ err: error, reason }, 'member is not connected');
          this.#update(cluster, member, { connected: false, reason, message: messageOf(error) });
        }
      }
      if (signal.aborted) this.#update(cluster, member, connecting(member));
      // A connection that was dropped after it had worked, or was asked to reconnect, is tried again at once.
      if (signal.aborted || attempt < 0) continue;
      try {
        const delay = jitteredBackoff(attempt, backoffBaseMilliseconds, backoffMaxMilliseconds, this.#random);
        await this.#clock.sleep(delay, signal);
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    }
  }

  /** Connects, runs the works and probes; throws what ended it. */
  async #oneConnection(cluster: string, member: Member, signal: AbortSignal, onConnected: () => void): Promise<void> {
    const { connect, metrics, requestsPerSecond = 20, burst = 30 } = this.#options;
    const client = await connect(cluster, signal, { name: cluster, metrics, requestsPerSecond, burst });
    const stop = new AbortController();
    let works: Promise<unknown> = Promise.resolve();
    try {
      await this.#probe(client, signal);
      onConnected();
      member.client = client;
      this.#update(cluster, member, { connected: true });
      const working = AbortSignal.any([signal, stop.signal]);
      works = Promise.all(
        Array.from(this.#works, ([name, work]) => this.#runWork(name, work, cluster, client, working)),
      );
      await this.#probeUntilLost(cluster, member, client, signal);
    } finally {
      delete member.client;
      stop.abort(new Error(`cluster ${cluster} is disconnected`));
      await works;
      await client.close();
    }
  }

  async #runWork(name: string, work: Work, cluster: string, client: ApiClient, signal: AbortSignal): Promise<void> {
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        await work(cluster, client, signal);
        return;
      } catch (error) {
        if (signal.aborted) return;
        this.#options.logger.error({ err: error, cluster, work: name }, 'work on a member failed; it is started again');
      }
      try {
        const delay = jitteredBackoff(attempt, backoffBaseMilliseconds, backoffMaxMilliseconds, this.#random);
        await this.#clock.sleep(delay, signal);
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    }
  }

  /** Throws once as many probes in a row failed as the threshold says; a 401 at once, since only new credentials help. */
  async #probeUntilLost(cluster: string, member: Member, client: ApiClient, signal: AbortSignal): Promise<void> {
    const { probeIntervalMilliseconds = 10_000, failureThreshold = 3, metrics } = this.#options;
    for (let failures = 0; ;) {
      await this.#clock.sleep(probeIntervalMilliseconds * (0.9 + this.#random() * 0.2), signal);
      try {
        await this.#probe(client, signal);
        failures = 0;
      } catch (error) {
        if (signal.aborted) throw error;
        failures += 1;
        metrics.clusterProbeFailures.inc({ cluster });
        if (failures >= failureThreshold || disconnectedReason(error) === 'Unauthorized') throw error;
      }
      this.#update(cluster, member, { connected: true, consecutiveFailures: failures });
    }
  }

  /** Any answer but 401 and 5xx shows a living server that knows us: what a 403 forbids is not the connection. */
  async #probe(client: ApiClient, signal: AbortSignal): Promise<void> {
    const timeoutMilliseconds = this.#options.probeTimeoutMilliseconds ?? 5_000;
    try {
      await client.request({ method: 'GET', path: '/readyz', signal, timeoutMilliseconds });
    } catch (error) {
      if (!(error instanceof ApiError) || error.isUnauthorized || error.status >= 500) throw error;
    }
  }

  #update(cluster: string, member: Member, change: Partial<ClusterState> & { connected: boolean }): void {
    // Removed: the name may be another's by now.
    if (this.#members.get(cluster) !== member) return;
    const before = member.state;
    const consecutiveFailures = change.consecutiveFailures ?? (change.connected ? 0 : before.consecutiveFailures + 1);
    const contact = change.connected && consecutiveFailures === 0 ? this.#clock.monotonic() : before.lastContact;
    member.state = { ...change, consecutiveFailures, ...(contact === undefined ? {} : { lastContact: contact }) };
    this.#options.metrics.clusterConnected.set({ cluster }, change.connected ? 1 : 0);
    if (before.connected === change.connected && before.reason === change.reason) return;
    for (const handler of this.#handlers) {
      try {
        handler(cluster, member.state);
      } catch (error) {
        this.#options.logger.error({ err: error, cluster }, 'a connection handler threw');
      }
    }
  }
}

/** Unreachable, unauthorised and misconfigured are three findings, since only the first can be the member's death. */
function disconnectedReason(error: unknown): Disconnected {
  if (error instanceof ApiError && (error.isUnauthorized || error.isForbidden)) return 'Unauthorized';
  if (error instanceof KubeconfigError || (error instanceof ApiError && error.isNotFound)) return 'Misconfigured';
  return 'Unreachable';
}

function connecting(member: Member): ClusterState {
  return { connected: false, reason: 'Connecting', consecutiveFailures: member.state.consecutiveFailures };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
