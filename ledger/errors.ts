/** Every error of this package: stable code → meaning. It has no status: the ledger is called in process only. */
export const ledgerErrors = {
  MONEY_INVALID: 'An amount of money is malformed, negative or too large.',
  ARGUMENT_INVALID: 'An argument is out of its range.',
  STALE_LEADER: 'Another leader has taken over; the caller must stop.',
  INSUFFICIENT_FUNDS: 'The namespace cannot pay the hold; an administrator must deposit.',
  STALE_ATTEMPT: 'The attempt number is not above every one the job ever had.',
  SHARD_ALREADY_RELEASED: 'The shard has been paid, and is paid once.',
  ATTEMPT_UNKNOWN: 'No hold was ever taken for the attempt.',
  ATTEMPT_RELEASED: 'The attempt has been paid and cannot be refunded.',
  ATTEMPT_REFUNDED: 'The attempt has been refunded and cannot be paid.',
  IDEMPOTENCY_CONFLICT: 'The key was used before, for something else.',
  EQUIVOCATION: 'The node signed two different receipts for one commitment window.',
  LEDGER_BUSY: 'Another process holds the write lock; try again.',
  LEDGER_UNAVAILABLE:
    'The database of the ledger cannot be used now; a write may have taken effect, and may be sent again.',
  LEDGER_CLOSED: 'The program closed the ledger before it asked; nothing was done.',
  LEDGER_MISSING: 'There are no books, and none were to be made.',
  LEDGER_NOT_EMPTY: 'Books that are to be restored into have entries already.',
  DUMP_INVALID: 'The rows of a backup are not books.',
  LEDGER_VERSION: 'The file was written by a newer program.',
  LEDGER_CORRUPT: 'An invariant of the books does not hold; restore a backup.',
} as const;

export type LedgerErrorCode = keyof typeof ledgerErrors;

/** Thrown for everything a ledger refuses; `message` names the account, the amounts and the remedy. */
export class LedgerError extends Error {
  readonly code: LedgerErrorCode;

  constructor(code: LedgerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'LedgerError';
    this.code = code;
  }
}

/** @param where the location, without a password */
export function missing(where: string): LedgerError {
  return new LedgerError(
    'LEDGER_MISSING',
    `there are no books in ${where}; name the ledger of the operator, or create one`,
  );
}

/** Whether the ledger could not answer now, and nothing else is wrong: waiting helps. */
export function isLedgerUnavailable(error: unknown): error is LedgerError {
  return error instanceof LedgerError && (error.code === 'LEDGER_UNAVAILABLE' || error.code === 'LEDGER_BUSY');
}
