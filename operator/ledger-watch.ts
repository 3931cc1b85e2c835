import { EventEmitter, once } from 'node:events';
import type { Clock, Logger } from '@isochrone/kube';
import type { Ledger } from '@isochrone/ledger';
import type { OperatorMetrics } from './metrics.ts';

export interface LedgerWatchDeps {
  readonly ledger: Pick<Ledger, 'balance'>;
  readonly logger: Logger;
  readonly operatorMetrics: Pick<OperatorMetrics, 'ledgerUp'>;
  readonly clock: Clock;
  readonly pollSeconds: number;
}

/**
 * Asks the ledger now and then, in a leader and in a standby: whoever cannot reach the books cannot lead. While they are
 * away the operator says so and waits; nothing crashes, and nothing is decided.
 */
export class LedgerWatch {
  readonly #deps: LedgerWatchDeps;
  #failure: string | undefined = 'the ledger was not asked yet';
  readonly #answers = new EventEmitter();

  constructor(deps: LedgerWatchDeps) {
    this.#deps = deps;
  }

  /** For readiness. */
  check(): true | string {
    return this.#failure ?? true;
  }

  /** Resolves once the last answer was good, or the signal aborts. */
  async untilUp(signal: AbortSignal): Promise<void> {
    while (this.#failure !== undefined && !signal.aborted) {
      await once(this.#answers, 'good', { signal }).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    }
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, pollSeconds } = this.#deps;
    while (!signal.aborted) {
      await this.ask();
      await clock.sleep(pollSeconds * 1000, signal).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    }
  }

  /** Asks now. */
  async ask(): Promise<void> {
    const { ledger, logger, operatorMetrics } = this.#deps;
    const before = this.#failure;
    try {
      await ledger.balance('external');
      this.#failure = undefined;
      this.#answers.emit('good');
      if (before !== undefined) logger.info({}, 'the ledger answers');
    } catch (error) {
      this.#failure = error instanceof Error ? error.message : String(error);
      if (this.#failure !== before) logger.error({ err: error }, 'the ledger does not answer');
    }
    operatorMetrics.ledgerUp.set(this.#failure === undefined ? 1 : 0);
  }
}
