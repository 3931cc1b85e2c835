import { LedgerError, type Ledger } from '@isochrone/ledger';

/** The books in the hands of one leader. */
export interface LedgerTerm {
  /** The same ledger; the first refusal of a stale token that passes through it ends the term. */
  readonly ledger: Ledger;
  readonly token: bigint;
  /** Aborts, with the LedgerError STALE_LEADER, once another has taken the books. */
  readonly over: AbortSignal;
}

/**
 * Proves the books and takes a fencing token for them.
 *
 * Taking the token deposes whoever has it, so it is not done for a leadership that ended during the proof, which may take
 * long. One that ends while the token is being taken is still possible: then the true leader is refused, ends its term, and
 * takes a newer token in the next.
 *
 * @returns undefined when the signal aborted
 * @throws LedgerError LEDGER_CORRUPT when the books do not add up: nothing may be paid from them
 */
export async function beginLedgerTerm(
  ledger: Ledger,
  holder: string,
  signal: AbortSignal,
): Promise<LedgerTerm | undefined> {
  await ledger.check();
  if (signal.aborted) return undefined;
  const token = await ledger.acquireLeadership(holder);
  if (signal.aborted) return undefined;
  const over = new AbortController();
  return { ledger: tellingStale(ledger, (error) => over.abort(error)), token, over: over.signal };
}

/** Seen here and not where it is thrown: a controller retries what fails, and this token is refused for ever. */
function tellingStale(ledger: Ledger, tell: (error: LedgerError) => void): Ledger {
  return new Proxy(ledger, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      return async (...args: unknown[]): Promise<unknown> => {
        try {
          return await (Reflect.apply(member, target, args) as Promise<unknown>);
        } catch (error) {
          if (error instanceof LedgerError && error.code === 'STALE_LEADER') tell(error);
          throw error;
        }
      };
    },
  });
}
