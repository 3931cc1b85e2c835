import { names } from '@isochrone/api';
import {
  Informer,
  core,
  type ApiClient,
  type Clock,
  type Lease,
  type Logger,
  type Metrics,
  type Timer,
} from '@isochrone/kube';
import { grantRemaining, observeGrant, readGrantLease, type Grant, type GrantLease, type Moment } from './grant.ts';

export interface GrantWatchOptions {
  readonly client: ApiClient;
  readonly namespace: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** The grant began or ended. */
  readonly onChange: () => void;
}

/** Timers stand still with the machine: what is left is looked at again at least this often. */
const checkMilliseconds = 1_000;

/** Watches the Lease by which the edge operator allows work. */
export class GrantWatch {
  readonly #options: GrantWatchOptions;
  readonly #informer: Informer<Lease, GrantLease | undefined>;
  #grant: Grant | undefined;
  #wasHeld = false;
  #timer: Timer | undefined;

  constructor(options: GrantWatchOptions) {
    this.#options = options;
    const { client, namespace, logger, metrics, clock } = options;
    this.#informer = new Informer<Lease, GrantLease | undefined>({
      client,
      resource: core.leases,
      namespace,
      fieldSelector: `metadata.name=${names.grantLease}`,
      project: ({ spec }) => readGrantLease(spec),
      logger,
      metrics,
      clock,
    });
    this.#informer.onChange((change) => {
      const lease = change.type === 'Deleted' ? undefined : change.current;
      // Without a lease nothing is granted; what is known of the clocks is of no use to another one.
      this.#grant = lease === undefined ? undefined : observeGrant(this.#grant, lease, this.#now());
      this.#check();
    });
  }

  get held(): boolean {
    return grantRemaining(this.#grant, this.#now()) > 0;
  }

  async run(signal: AbortSignal): Promise<void> {
    try {
      await this.#informer.run(signal);
    } finally {
      this.#timer?.cancel();
    }
  }

  #check(): void {
    const { clock, onChange, logger } = this.#options;
    this.#timer?.cancel();
    const remaining = grantRemaining(this.#grant, this.#now());
    if (remaining > 0) this.#timer = clock.setTimeout(() => this.#check(), Math.min(remaining, checkMilliseconds));
    const held = remaining > 0;
    if (held === this.#wasHeld) return;
    this.#wasHeld = held;
    logger.info({ held }, held ? 'the cluster grants work' : 'the grant of the cluster is over; runs are stopped');
    onChange();
  }

  #now(): Moment {
    const { clock } = this.#options;
    return { wall: clock.now(), monotonic: clock.monotonic() };
  }
}
