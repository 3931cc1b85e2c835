import { OperatorError } from '../errors.ts';

export interface ObjectLocation {
  readonly bucket: string;
  readonly key: string;
}

/**
 * Splits `s3://bucket/key`. The key may be empty, and is taken as it is written (no percent-decoding).
 * @throws OperatorError STORAGE_ADDRESS_INVALID
 */
export function parseS3URI(uri: string): ObjectLocation {
  const match = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/s.exec(uri);
  const key = match?.[2] ?? '';
  if (match === null || !isKey(key)) {
    throw new OperatorError(
      'STORAGE_ADDRESS_INVALID',
      `${JSON.stringify(uri)} is not of the form s3://bucket/key: name a bucket of 3 to 63 lower-case letters, digits, dots and dashes, and a key of at most 1024 bytes without segments . or ..`,
    );
  }
  return { bucket: match[1]!, key };
}

/** Dot segments would be resolved away by URL parsing and name another object. */
function isKey(key: string): boolean {
  // eslint-disable-next-line no-control-regex -- S3 keys with control characters cannot be listed as XML 1.0
  if (!key.isWellFormed() || /[\u0000-\u001f\u007f]/.test(key) || Buffer.byteLength(key) > 1024) return false;
  return !key.split('/').some((segment) => segment === '.' || segment === '..');
}

export function s3URI({ bucket, key }: ObjectLocation): string {
  return `s3://${bucket}/${key}`;
}
