/**
 * Whether version `a` is older than `b`. The versions of one resource are decimal integers without leading zeros, which may
 * be compared (KEP-5504); an aggregated API server that has others gets false: what it sends last counts.
 */
export function isOlder(a: string | undefined, b: string | undefined): boolean {
  if (a === undefined || b === undefined || !isOrdered(a) || !isOrdered(b)) return false;
  return a.length === b.length ? a < b : a.length < b.length;
}

function isOrdered(version: string): boolean {
  return /^[1-9]\d*$/.test(version);
}

/** What an event that says how an object is, or that it is gone, is good for. */
export type Verdict = 'new' | 'repeated' | 'outdated' | 'unclear';

/**
 * A watch delivers in the order of versions, and each event once; proxies, replays and bugs do not. An event about a known
 * object is compared with what is known of it. One about an unknown object that is older than the stream as a whole is either
 * late, or about an object that was deleted since: only a new sync can tell.
 *
 * @param known version of the object in the store, or of its deletion where that is remembered
 * @param newest version that the stream has reached; undefined while a sync lists objects in no order
 */
export function judge(
  event: { readonly removed: boolean; readonly version: string | undefined },
  known: string | undefined,
  newest: string | undefined,
): Verdict {
  const { removed, version } = event;
  if (known !== undefined) {
    if (isOlder(version, known)) return 'outdated';
    return !removed && version === known ? 'repeated' : 'new';
  }
  return !removed && isOlder(version, newest) ? 'unclear' : 'new';
}
