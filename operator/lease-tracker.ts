/**
 * Judges from Leases whether somebody is alive, by the observer's own monotonic clock alone: what a renewTime says is never
 * compared with a clock, only whether it changed. A hostile or skewed clock of the other side gains nothing.
 */

/** What is known of one Lease. All times are on the observer's monotonic clock, milliseconds. */
export interface Contact {
  /** As last seen, verbatim. */
  readonly renewTime: string | undefined;
  /** When a change of it was last seen; undefined while none was seen since the observer began. */
  readonly renewedAt: number | undefined;
  /** Until then nobody may be called lost: a full term after a renewal, or after the observer began. */
  readonly until: number;
}

/**
 * The contact after the Lease was looked at. The first look grants a full term, because a new observer cannot know when the
 * last renewal was; but it is no proof of life.
 *
 * @param renewTime of the Lease; undefined when there is none or it was never renewed
 * @param now monotonic, milliseconds
 */
export function observe(
  previous: Contact | undefined,
  renewTime: string | undefined,
  now: number,
  termMilliseconds: number,
): Contact {
  if (previous === undefined) return { renewTime, renewedAt: undefined, until: now + termMilliseconds };
  if (renewTime === undefined || renewTime === previous.renewTime) return previous;
  return { renewTime, renewedAt: now, until: now + termMilliseconds };
}

export type Liveness =
  /** A renewal was seen, and its term is not over. */
  | 'Alive'
  /** There is a Lease that was renewed some time, and the observer has not watched it for a term yet. */
  | 'Undecided'
  /** It was never renewed. */
  | 'NeverSeen'
  | 'Lost';

/** @param now monotonic, milliseconds */
export function liveness(contact: Contact, now: number): Liveness {
  if (contact.renewTime === undefined) return 'NeverSeen';
  if (now >= contact.until) return 'Lost';
  return contact.renewedAt === undefined ? 'Undecided' : 'Alive';
}
