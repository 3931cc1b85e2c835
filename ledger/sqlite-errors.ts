import { LedgerError, type LedgerErrorCode } from './errors.ts';

/** Primary result codes, https://www.sqlite.org/rescode.html */
const SQLITE_BUSY = 5;

const byResult: Readonly<Record<number, readonly [code: LedgerErrorCode, what: string, remedy: string]>> = {
  [SQLITE_BUSY]: ['LEDGER_BUSY', 'is held by another process', 'try again'],
  8: ['LEDGER_UNAVAILABLE', 'cannot be written', 'let this user write the file and its directory'],
  10: ['LEDGER_UNAVAILABLE', 'cannot be read or written', 'see to the disk'],
  11: ['LEDGER_CORRUPT', 'is damaged', 'restore a backup'],
  13: ['LEDGER_UNAVAILABLE', 'cannot grow: the disk is full', 'make room'],
  14: ['LEDGER_UNAVAILABLE', 'cannot be opened', 'name a file, in a directory that exists and this user may write'],
  26: ['LEDGER_CORRUPT', 'is no database', 'name the file of the ledger, or restore a backup'],
};

export function isBusy(error: unknown): boolean {
  return resultOf(error) === SQLITE_BUSY;
}

/** Gives what SQLite throws a name of ours; what is a bug stays as it is. @param path for the message */
export function translateSqliteError(error: unknown, path: string): unknown {
  const known = byResult[resultOf(error) ?? 0];
  if (known === undefined) return error;
  const [code, what, remedy] = known;
  return new LedgerError(code, `the ledger ${path} ${what} (${(error as Error).message}); ${remedy}`, { cause: error });
}

function resultOf(error: unknown): number | undefined {
  // The lowest byte is the primary code; what lies above tells more than is needed here.
  return error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : undefined;
}
