/** Every named error of the operator: stable code → statuses and meaning. */
export const operatorErrors = {
  STORAGE_NOT_FOUND: { grpc: 'NOT_FOUND', http: 404, meaning: 'The object or bucket does not exist.' },
  STORAGE_ACCESS_DENIED: { grpc: 'PERMISSION_DENIED', http: 403, meaning: 'The credentials may not do this.' },
  STORAGE_PRECONDITION: { grpc: 'FAILED_PRECONDITION', http: 412, meaning: 'The object changed, or exists already.' },
  STORAGE_UNAVAILABLE: { grpc: 'UNAVAILABLE', http: 503, meaning: 'The store did not answer in time; try again.' },
  STORAGE_REFUSED: { grpc: 'FAILED_PRECONDITION', http: 400, meaning: 'The store refused the request for good.' },
  STORAGE_ADDRESS_INVALID: { grpc: 'INVALID_ARGUMENT', http: 400, meaning: 'A URI is malformed or too long.' },
  FILE_NOT_SHARED: { grpc: 'INVALID_ARGUMENT', http: 400, meaning: 'A file:// URI is for one machine only.' },
  SECRET_NOT_FOUND: { grpc: 'NOT_FOUND', http: 404, meaning: 'The Secret with the credentials does not exist.' },
  SECRET_INVALID: { grpc: 'INVALID_ARGUMENT', http: 400, meaning: 'The Secret lacks a key or holds a malformed one.' },
  QUANTITY_INVALID: { grpc: 'INVALID_ARGUMENT', http: 400, meaning: 'A quantity is malformed or too large.' },
  SCHEDULER_UNAVAILABLE: { grpc: 'UNAVAILABLE', http: 503, meaning: 'The scheduler did not answer.' },
  SCHEDULER_REFUSED: { grpc: 'INVALID_ARGUMENT', http: 400, meaning: 'The scheduler cannot read what it was asked.' },
  NAME_TAKEN: { grpc: 'ALREADY_EXISTS', http: 409, meaning: 'An object that is not ours has the name.' },
  SAMPLING_CHAIN_ENDED: { grpc: 'FAILED_PRECONDITION', http: 500, meaning: 'All sampling keys are used up.' },
  OPERATOR_SECRET_INVALID: { grpc: 'FAILED_PRECONDITION', http: 500, meaning: "The operator's own Secret is damaged." },
  HUB_CREDENTIAL_INVALID: {
    grpc: 'UNAUTHENTICATED',
    http: 401,
    meaning: 'The edge cannot use its credential on the hub.',
  },
  JOIN_TOKEN_INVALID: { grpc: 'INVALID_ARGUMENT', http: 400, meaning: 'The join token is not one, or is damaged.' },
} as const;

export type OperatorErrorCode = keyof typeof operatorErrors;

/** `message` names the field or object, the value and the remedy. */
export class OperatorError extends Error {
  readonly code: OperatorErrorCode;

  constructor(code: OperatorErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'OperatorError';
    this.code = code;
  }
}

/** Whether the error is one of this package's with one of the codes. */
export function hasCode(error: unknown, ...codes: readonly OperatorErrorCode[]): error is OperatorError {
  return error instanceof OperatorError && codes.includes(error.code);
}
