import type { Clock, Logger } from '@isochrone/kube';
import { AgentError, messageOf } from '../errors.ts';
import { sleepUnlessAborted } from './node-lease.ts';
import type { NodeObject, NodeObservation } from './node-object.ts';

export interface NodeReporterOptions {
  readonly node: NodeObject;
  readonly observe: () => Omit<NodeObservation, 'notReady'>;
  /** Resolves to why the node is not ready, if it is not. */
  readonly check: () => Promise<string | undefined>;
  /** Told when {@link NodeReporter.accepted} changes. */
  readonly onAccepted: () => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Changes are gathered this long, so that a busy agent writes its node seldom. */
const quietMilliseconds = 1_000;
const checkMilliseconds = 15_000;
const lastWriteMilliseconds = 3_000;

/** Keeps the InferenceNode as the agent is: on each change, and from time to time. */
export class NodeReporter {
  readonly #options: NodeReporterOptions;
  #changed = Promise.withResolvers<undefined>();
  /** Why the last write failed, for readiness. */
  problem: string | undefined = 'the InferenceNode is not written yet';
  #accepted = false;

  constructor(options: NodeReporterOptions) {
    this.#options = options;
  }

  /** Whether the InferenceNode is this agent's. Under another node's key it may neither work nor look alive. */
  get accepted(): boolean {
    return this.#accepted;
  }

  changed(): void {
    this.#changed.resolve(undefined);
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      await sleepUnlessAborted(clock, quietMilliseconds, signal);
      if (signal.aborted) break;
      this.#changed = Promise.withResolvers<undefined>();
      await this.#write(await this.#options.check(), signal);
      const waited = new AbortController();
      await Promise.race([
        this.#changed.promise,
        sleepUnlessAborted(clock, checkMilliseconds, AbortSignal.any([signal, waited.signal])),
      ]);
      waited.abort();
    }
    // So that nobody places work here until the hub sees that the Lease is over.
    await this.#write('the agent was stopped', AbortSignal.timeout(lastWriteMilliseconds));
  }

  async #write(notReady: string | undefined, signal: AbortSignal): Promise<void> {
    try {
      await this.#options.node.write({ ...this.#options.observe(), notReady }, signal);
      this.problem = notReady;
      this.#accept(true);
    } catch (error) {
      this.problem = messageOf(error);
      // Any other failure says nothing about whose the object is.
      if (error instanceof AgentError && error.code === 'NODE_REFUSED') this.#accept(false);
      this.#options.logger.warn({ err: error }, 'the InferenceNode was not written');
    }
  }

  #accept(accepted: boolean): void {
    if (accepted === this.#accepted) return;
    this.#accepted = accepted;
    this.#options.onAccepted();
  }
}
