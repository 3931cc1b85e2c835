import { OperatorError } from '../errors.ts';

export interface StorageCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly region: string;
  /** Without a path; buckets are addressed by path. */
  readonly endpoint: string;
}

const defaultRegion = 'us-east-1';

/**
 * Reads the usual environment names of AWS tools from a Secret's data (or an environment).
 * @param where names the Secret in messages
 * @throws OperatorError SECRET_INVALID
 */
export function storageCredentials(
  values: Readonly<Record<string, string | undefined>>,
  where: string,
): StorageCredentials {
  const required = (name: string): string => {
    const value = values[name]?.trim();
    if (value) return value;
    throw new OperatorError('SECRET_INVALID', `${where} has no ${name}; add the key`);
  };
  const accessKeyId = required('AWS_ACCESS_KEY_ID');
  const secretAccessKey = required('AWS_SECRET_ACCESS_KEY');
  const region = values['AWS_REGION']?.trim() || defaultRegion;
  if (!/^[a-z0-9-]{1,64}$/.test(region)) {
    throw new OperatorError(
      'SECRET_INVALID',
      `${where}: AWS_REGION ${JSON.stringify(region)} is not a region; write one such as eu-central-1`,
    );
  }
  const endpoint = values['AWS_ENDPOINT_URL']?.trim() || `https://s3.${region}.amazonaws.com`;
  return { accessKeyId, secretAccessKey, region, endpoint: parseEndpoint(endpoint, where) };
}

function parseEndpoint(text: string, where: string): string {
  const url = URL.parse(text);
  const isOrigin =
    url !== null &&
    url.pathname === '/' &&
    url.search === '' &&
    url.hash === '' &&
    url.username === '' &&
    url.password === '';
  if (isOrigin && (url.protocol === 'http:' || url.protocol === 'https:')) return url.origin;
  throw new OperatorError(
    'SECRET_INVALID',
    `${where}: AWS_ENDPOINT_URL ${JSON.stringify(text)} is not an http or https origin; write one such as https://s3.example.com`,
  );
}
