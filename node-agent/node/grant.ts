/** A moment on both clocks. The monotonic one stands still while the machine is suspended, the wall clock may be set. */
export interface Moment {
  readonly wall: number;
  readonly monotonic: number;
}

/** The Lease `isochrone-grant`, read. */
export interface GrantLease {
  /** Wall clock of the edge operator, milliseconds. */
  readonly renewedAt: number;
  readonly durationMilliseconds: number;
}

export interface Grant {
  readonly lease: GrantLease;
  /** When this agent may take the renewal to have happened. */
  readonly from: Moment;
  /** Least delay seen between a renewal and its arrival here: the difference of the two machines' clocks, and the way. */
  readonly leastLag: number | undefined;
}

/**
 * Takes note of the lease. A renewal counts from when it was made, so far as that can be known: one that came late (the agent
 * was suspended, the watch was behind) is aged by how much later than the quickest one it came. For the first one seen, which may be of
 * any age, the clocks are taken to agree.
 */
export function observeGrant(previous: Grant | undefined, lease: GrantLease, now: Moment): Grant {
  if (
    previous?.lease.renewedAt === lease.renewedAt &&
    previous.lease.durationMilliseconds === lease.durationMilliseconds
  )
    return previous;
  const lag = now.wall - lease.renewedAt;
  const leastLag = previous === undefined ? undefined : Math.min(lag, previous.leastLag ?? lag);
  const age = Math.max(0, lag - (leastLag ?? 0));
  return { lease, from: { wall: now.wall - age, monotonic: now.monotonic - age }, leastLag };
}

/** Milliseconds that the agent may go on working; 0 when the grant is over, by either clock. */
export function grantRemaining(grant: Grant | undefined, now: Moment): number {
  if (grant === undefined) return 0;
  const { lease, from } = grant;
  const elapsed = Math.max(now.monotonic - from.monotonic, now.wall - from.wall);
  return Math.max(0, lease.durationMilliseconds - elapsed);
}

/** @param spec of a Lease; undefined when it grants nothing */
export function readGrantLease(
  spec: { renewTime?: string; leaseDurationSeconds?: number } | undefined,
): GrantLease | undefined {
  const renewedAt = Date.parse(spec?.renewTime ?? '');
  const seconds = spec?.leaseDurationSeconds;
  return Number.isNaN(renewedAt) || seconds === undefined
    ? undefined
    : { renewedAt, durationMilliseconds: seconds * 1000 };
}
