import { annotations, names } from '@isochrone/api';
import { core, formatMicroTime, type ApiClient, type Clock, type Logger } from '@isochrone/kube';
import type { SyncMetrics } from './metrics.ts';

export interface ContactDeps {
  readonly hub: ApiClient;
  readonly member: ApiClient;
  readonly hubNamespace: string;
  readonly memberNamespace: string;
  /** Unique per process. */
  readonly identity: string;
  readonly logger: Logger;
  readonly syncMetrics: SyncMetrics;
  readonly clock: Clock;
  /** UID of the EdgeJoinRequest that the credential came by: by it the hub knows that the credential arrived. */
  readonly joinedBy: () => string | undefined;
  readonly onRenewed: () => void;
  /** Called with what a failed renewal threw, before the next is tried. */
  readonly onFailure: (error: unknown) => Promise<void>;
}

/** Until the hub has told its term. */
const assumedTermSeconds = 40;

/**
 * How long agents may work on, in whole seconds, for a renewal that was sent at some moment: what is left of the term. The
 * longer of two clocks counts, because the monotonic one stands still while the machine is suspended.
 */
export function grantSeconds(
  sent: { wall: number; monotonic: number },
  now: { wall: number; monotonic: number },
  termSeconds: number,
): number {
  const elapsed = Math.max(now.monotonic - sent.monotonic, now.wall - sent.wall, 0);
  return Math.max(0, Math.floor(termSeconds - elapsed / 1000));
}

/** Keeps the hub's Lease of this member renewed, and passes on to its agents what remains of the term. */
export class HubContact {
  readonly #deps: ContactDeps;
  #termSeconds = assumedTermSeconds;
  #renewedAt = -Infinity;

  constructor(deps: ContactDeps) {
    this.#deps = deps;
  }

  /** True, or why the hub is out of reach. */
  check(): true | string {
    const age = (this.#deps.clock.monotonic() - this.#renewedAt) / 1000;
    if (age < this.#termSeconds) return true;
    return age === Infinity ? 'the hub has not taken a renewal yet' : `no renewal was taken for ${Math.round(age)} s`;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger, syncMetrics, onRenewed, onFailure } = this.#deps;
    while (!signal.aborted) {
      const sent = { wall: clock.now(), monotonic: clock.monotonic() };
      try {
        await this.#renew(sent, signal);
        syncMetrics.renewals.inc({ result: 'renewed' });
        syncMetrics.contact.set(sent.wall / 1000);
        onRenewed();
      } catch (error) {
        if (signal.aborted) return;
        syncMetrics.renewals.inc({ result: 'failed' });
        logger.warn({ err: error }, 'the Lease on the hub was not renewed, or its grant not passed on; tried again');
        await onFailure(error);
      }
      const isFresh = this.#renewedAt === sent.monotonic;
      const pause = (this.#termSeconds * 1000) / (isFresh ? 3 : 12);
      const elapsed = clock.monotonic() - sent.monotonic;
      await clock.sleep(Math.max(50, pause - elapsed), signal).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    }
  }

  async #renew(sent: { wall: number; monotonic: number }, signal: AbortSignal): Promise<void> {
    const { hub, member, hubNamespace, memberNamespace, identity, joinedBy, clock } = this.#deps;
    const uid = joinedBy();
    const renewTime = formatMicroTime(sent.wall);
    const timeoutMilliseconds = (this.#termSeconds * 1000) / 3;
    const lease = await hub.mergePatch(
      core.leases,
      { namespace: hubNamespace, name: names.edgeLease },
      {
        ...(uid === undefined ? {} : { metadata: { annotations: { [annotations.joinedBy]: uid } } }),
        spec: { holderIdentity: identity, renewTime },
      },
      { signal, timeoutMilliseconds },
    );
    this.#termSeconds = lease.spec?.leaseDurationSeconds ?? this.#termSeconds;
    this.#renewedAt = sent.monotonic;
    const now = { wall: clock.now(), monotonic: clock.monotonic() };
    const leaseDurationSeconds = grantSeconds(sent, now, this.#termSeconds);
    if (leaseDurationSeconds === 0) return;
    await member.apply(
      core.leases,
      {
        metadata: { name: names.grantLease, namespace: memberNamespace },
        spec: { holderIdentity: identity, leaseDurationSeconds, renewTime },
      },
      { force: true, signal, timeoutMilliseconds: leaseDurationSeconds * 1000 },
    );
  }
}
