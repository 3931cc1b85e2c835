import { OperatorError, type OperatorErrorCode } from '../errors.ts';

/** Error codes of S3 that say more than their status (S3 API reference, "Error responses"). */
const byCode: Readonly<Record<string, OperatorErrorCode>> = {
  NoSuchKey: 'STORAGE_NOT_FOUND',
  NoSuchBucket: 'STORAGE_NOT_FOUND',
  AccessDenied: 'STORAGE_ACCESS_DENIED',
  InvalidAccessKeyId: 'STORAGE_ACCESS_DENIED',
  SignatureDoesNotMatch: 'STORAGE_ACCESS_DENIED',
  PreconditionFailed: 'STORAGE_PRECONDITION',
  // Another conditional write of the key is running: its end decides.
  ConditionalRequestConflict: 'STORAGE_UNAVAILABLE',
  SlowDown: 'STORAGE_UNAVAILABLE',
  RequestTimeout: 'STORAGE_UNAVAILABLE',
};

/** The named error for an answer that is not a success. `body` is S3's XML, or empty (HEAD has none). */
export function s3Error(what: string, status: number, body: string): OperatorError {
  const code = /<Code>([A-Za-z]{1,64})<\/Code>/.exec(body)?.[1];
  const message = /<Message>([^<]{1,512})<\/Message>/.exec(body)?.[1];
  const named = (code === undefined ? undefined : byCode[code]) ?? byStatus(status);
  return new OperatorError(named, `${what}: ${[status, code, message].filter((part) => part !== undefined).join(' ')}`);
}

function byStatus(status: number): OperatorErrorCode {
  if (status === 404) return 'STORAGE_NOT_FOUND';
  if (status === 401 || status === 403) return 'STORAGE_ACCESS_DENIED';
  if (status === 412) return 'STORAGE_PRECONDITION';
  if (status === 408 || status === 429 || status >= 500) return 'STORAGE_UNAVAILABLE';
  return 'STORAGE_REFUSED';
}
