import pg from 'pg';
import { LedgerError } from './errors.ts';

/** SQLSTATE, https://www.postgresql.org/docs/15/errcodes-appendix.html */
const busy = new Set(['55P03', '57014', '40001', '40P01']);
const refused = new Set(['28000', '28P01', '3D000', '42501']);
const corrupt = new Set(['XX001', 'XX002']);
const awayPrefixes = ['08', '57P', '53'];

/** Gives what PostgreSQL and its driver throw a name of ours; what is a bug stays as it is. @param server for the message, without a password */
export function translatePostgresError(error: unknown, server: string): unknown {
  if (!(error instanceof Error) || error instanceof LedgerError || error instanceof TypeError) return error;
  const code = 'code' in error ? String(error.code) : '';
  const tell = (name: 'LEDGER_BUSY' | 'LEDGER_UNAVAILABLE' | 'LEDGER_CORRUPT', text: string): LedgerError =>
    new LedgerError(name, text, { cause: error });
  if (busy.has(code))
    return tell('LEDGER_BUSY', `${server}: another process holds the ledger (${error.message}); try again`);
  if (corrupt.has(code)) return tell('LEDGER_CORRUPT', `${server}: ${error.message}; restore a backup`);
  if (refused.has(code)) {
    return tell(
      'LEDGER_UNAVAILABLE',
      `${server} refuses: ${error.message}; correct the URL of the ledger, or create the role and database with the right to create a schema`,
    );
  }
  // Only what the server answers has a SQLSTATE, although EPIPE looks like one.
  if (error instanceof pg.DatabaseError && !awayPrefixes.some((prefix) => code.startsWith(prefix))) return error;
  // The rest is of the driver and the system: refused and broken connections, names that do not resolve, timeouts.
  const why = error.message || ('errors' in error ? (error.errors as Error[]).map(String).join(', ') : code);
  return tell('LEDGER_UNAVAILABLE', `${server} cannot be used now: ${why}; see that it runs and can be reached`);
}
