/** Every error of this package: stable code → statuses and meaning. */
export const ledgerErrors = {
  MONEY_INVALID: {
    grpc: 'INVALID_ARGUMENT',
    http: 400,
    meaning: 'An amount of money is malformed, negative or too large.',
  },
  ARGUMENT_INVALID: { grpc: 'INVALID_ARGUMENT', http: 400, meaning: 'An argument is out of its range.' },
  STALE_LEADER: {
    grpc: 'FAILED_PRECONDITION',
    http: 409,
    meaning: 'Another leader has taken over; the caller must stop.',
  },
  INSUFFICIENT_FUNDS: {
    grpc: 'FAILED_PRECONDITION',
    http: 402,
    meaning: 'The namespace cannot pay the hold; an administrator must deposit.',
  },
  STALE_ATTEMPT: {
    grpc: 'FAILED_PRECONDITION',
    http: 409,
    meaning: 'The attempt number is not above every one the job ever had.',
  },
  SHARD_ALREADY_RELEASED: { grpc: 'ALREADY_EXISTS', http: 409, meaning: 'The shard has been paid, and is paid once.' },
  ATTEMPT_UNKNOWN: { grpc: 'NOT_FOUND', http: 404, meaning: 'No hold was ever taken for the attempt.' },
  ATTEMPT_RELEASED: {
    grpc: 'FAILED_PRECONDITION',
    http: 409,
    meaning: 'The attempt has been paid and cannot be refunded.',
  },
  ATTEMPT_REFUNDED: {
    grpc: 'FAILED_PRECONDITION',
    http: 409,
    meaning: 'The attempt has been refunded and cannot be paid.',
  },
  IDEMPOTENCY_CONFLICT: { grpc: 'ALREADY_EXISTS', http: 409, meaning: 'The key was used before, for something else.' },
  EQUIVOCATION: {
    grpc: 'ALREADY_EXISTS',
    http: 409,
    meaning: 'The node signed two different receipts for one commitment window.',
  },
  LEDGER_BUSY: { grpc: 'UNAVAILABLE', http: 503, meaning: 'Another process holds the write lock; try again.' },
  LEDGER_UNAVAILABLE: {
    grpc: 'UNAVAILABLE',
    http: 503,
    meaning: 'The database of the ledger cannot be used now; a write may have taken effect, and may be sent again.',
  },
  LEDGER_MISSING: { grpc: 'NOT_FOUND', http: 404, meaning: 'There are no books, and none were to be made.' },
  LEDGER_VERSION: { grpc: 'FAILED_PRECONDITION', http: 500, meaning: 'The file was written by a newer program.' },
  LEDGER_CORRUPT: {
    grpc: 'DATA_LOSS',
    http: 500,
    meaning: 'An invariant of the books does not hold; restore a backup.',
  },
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
