import type { InferenceJobSpec } from '@isochrone/api';

type JobInput = InferenceJobSpec['input'];

/** Whether agents cannot read the input by ranges as it lies, so that the operator copies it once as one .npy object. */
export function needsCopy({ uri, format }: JobInput): boolean {
  return hasRequests({ format }) || isHTTP(uri) || isPrefix(uri) || isGzip(uri);
}

/** Whether records are requests, which are answered by responses. */
export function hasRequests({ format }: Pick<JobInput, 'format'>): boolean {
  return format === 'OpenInferenceJSONLines';
}

export function isHTTP(uri: string): boolean {
  return /^https?:\/\//.test(uri);
}

/** Whether the URI names many objects. */
export function isPrefix(uri: string): boolean {
  return uri.startsWith('s3://') && uri.endsWith('/');
}

/** Whether a file is compressed, by the end of its name. Of an HTTP address, that of its path. */
export function isGzip(uri: string): boolean {
  return /\.gz$/i.test(isHTTP(uri) ? uri.replace(/[?#].*$/s, '') : uri);
}

/**
 * Whether an object is one of the files of a prefix: what tools leave beside and among them begins with a dot or an underscore.
 * @param path below the prefix
 */
export function isInputFile(path: string): boolean {
  const segments = path.split('/');
  return segments.at(-1) !== '' && !segments.some((segment) => /^[._]/.test(segment));
}
