import { nodeLease } from '@isochrone/api';
import { core, type ApiClient, type Clock, type Lease, type Logger } from '@isochrone/kube';

const renewMilliseconds = 5_000;
/** How soon a node that was accepted shows that it lives. */
const acceptanceMilliseconds = 500;
const durationSeconds = 15;

/** Shows that the agent lives, until the signal aborts; not while the node is not its own. */
export async function renewNodeLease(
  {
    client,
    namespace,
    nodeName,
    clock,
    logger,
    accepted,
  }: {
    client: ApiClient;
    namespace: string;
    nodeName: string;
    clock: Clock;
    logger: Logger;
    accepted: () => boolean;
  },
  signal: AbortSignal,
): Promise<void> {
  const ref = { namespace, name: nodeLease(nodeName) };
  while (!signal.aborted) {
    if (!accepted()) {
      await sleepUnlessAborted(clock, acceptanceMilliseconds, signal);
      continue;
    }
    // MicroTime wants six digits.
    const renewTime = new Date(clock.now()).toISOString().replace('Z', '000Z');
    const spec: NonNullable<Lease['spec']> = {
      holderIdentity: nodeName,
      leaseDurationSeconds: durationSeconds,
      renewTime,
    };
    try {
      await client.apply(
        core.leases,
        { metadata: ref, spec },
        { force: true, signal, timeoutMilliseconds: renewMilliseconds },
      );
    } catch (error) {
      if (!signal.aborted) logger.warn({ err: error }, 'the Lease of the node was not renewed');
    }
    await sleepUnlessAborted(clock, renewMilliseconds, signal);
  }
}

/** Resolves after the span or as soon as the signal aborts. */
export async function sleepUnlessAborted(clock: Clock, milliseconds: number, signal: AbortSignal): Promise<void> {
  try {
    await clock.sleep(milliseconds, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
