/** Every error of this package: stable code → statuses and meaning. */
export const verificationErrors = {
  DIGEST_NAMES: { grpc: 'INVALID_ARGUMENT', http: 400, meaning: 'A list of tensors is empty, or names one twice.' },
  FIELD_INVALID: {
    grpc: 'INVALID_ARGUMENT',
    http: 400,
    meaning: 'A field cannot be encoded canonically: wrong range, length or Unicode.',
  },
  MERKLE_EMPTY: { grpc: 'INVALID_ARGUMENT', http: 400, meaning: 'A tree needs at least one leaf.' },
  MERKLE_INDEX: { grpc: 'INVALID_ARGUMENT', http: 400, meaning: 'The leaf index lies outside the tree.' },
  RECEIPT_MALFORMED: {
    grpc: 'INVALID_ARGUMENT',
    http: 400,
    meaning: 'A receipt lacks a field, has one too many, or one of the wrong form.',
  },
  RECEIPT_VERSION: {
    grpc: 'UNIMPLEMENTED',
    http: 501,
    meaning: 'The receipt has a version that this program does not know.',
  },
  RECEIPT_KEY_MISMATCH: {
    grpc: 'PERMISSION_DENIED',
    http: 403,
    meaning: 'The receipt names another key than the one pinned.',
  },
  RECEIPT_SIGNATURE: { grpc: 'PERMISSION_DENIED', http: 403, meaning: 'The signature does not verify.' },
  RECEIPT_CHAIN: {
    grpc: 'FAILED_PRECONDITION',
    http: 409,
    meaning: 'The receipt does not follow the previous one of its node.',
  },
  HASH_CHAIN_EPOCH: {
    grpc: 'OUT_OF_RANGE',
    http: 400,
    meaning: 'The epoch lies outside the hash chain; publish a new one.',
  },
  SAMPLE_SIZE: {
    grpc: 'INVALID_ARGUMENT',
    http: 400,
    meaning: 'The sample is larger than the window, or a percentage is out of range.',
  },
  PROFILE_CLASS: {
    grpc: 'FAILED_PRECONDITION',
    http: 409,
    meaning: 'The profile can only be compared within one runtime class.',
  },
  PROFILE_UNKNOWN: { grpc: 'INVALID_ARGUMENT', http: 400, meaning: 'The numeric profile has no tolerance.' },
} as const;

export type VerificationErrorCode = keyof typeof verificationErrors;

/** Thrown for every bad input to this package; `message` names the field, the value and the remedy. */
export class VerificationError extends Error {
  readonly code: VerificationErrorCode;

  constructor(code: VerificationErrorCode, message: string) {
    super(message);
    this.name = 'VerificationError';
    this.code = code;
  }
}
