import { lookup } from 'node:dns';
import { request as requestHTTP, type IncomingMessage } from 'node:http';
import { request as requestHTTPS } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { OperatorError } from '../errors.ts';
import { allowedSources, type AllowedSources } from './public-address.ts';

export interface HTTPSourceOptions {
  /** Hosts that are read although their addresses are not public. */
  readonly allowed: AllowedSources;
  /** Tries of one read, each of which goes on where the last one broke off. */
  readonly tries: number;
  /** A server that sends nothing for longer is given up. */
  readonly stallMilliseconds: number;
  readonly backoffMilliseconds: number;
}

export const defaultHTTPSourceOptions: HTTPSourceOptions = {
  allowed: allowedSources([]),
  tries: 5,
  stallMilliseconds: 30_000,
  backoffMilliseconds: 500,
};

const mostRedirects = 5;

/**
 * The bytes at an address, as they come. A connection that breaks is taken up where it ended, by a range of the same object; a
 * server without ranges or without a strong validator is read again from its start by whoever tries again.
 * @throws OperatorError STORAGE_ADDRESS_INVALID, STORAGE_NOT_FOUND, STORAGE_ACCESS_DENIED, STORAGE_REFUSED,
 * STORAGE_PRECONDITION when the object changed meanwhile, STORAGE_UNAVAILABLE
 */
export async function* readHTTP(
  uri: string,
  options: HTTPSourceOptions,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  let received = 0;
  let validator: string | undefined;
  for (let attempt = 1; ; attempt++) {
    try {
      const resume = received === 0 ? {} : { range: `bytes=${received}-`, 'if-range': validator! };
      const { response, url } = await open(uri, resume, options, signal);
      try {
        assertSuccess(response, url, uri, received > 0);
        if (received > 0) assertContinues(response, received, validator!, uri);
        assertWhole(response, url, uri);
        validator = strongValidator(response);
        for await (const chunk of response as AsyncIterable<Uint8Array>) {
          received += chunk.byteLength;
          yield chunk;
        }
      } finally {
        response.destroy();
      }
      if (!response.complete) throw new Error(`it broke off after ${received} bytes`);
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof OperatorError && error.code !== 'STORAGE_UNAVAILABLE') throw error;
      const canResume = received === 0 || validator !== undefined;
      if (attempt >= options.tries || !canResume)
        throw new OperatorError('STORAGE_UNAVAILABLE', `GET ${uri}: ${(error as Error).message}`, { cause: error });
      await sleep(options.backoffMilliseconds * 2 ** (attempt - 1), undefined, { signal });
    }
  }
}

/** What If-Range takes: a strong entity tag of a server that has ranges. */
function strongValidator({ headers }: IncomingMessage): string | undefined {
  const { etag } = headers;
  const hasRanges = headers['accept-ranges'] === 'bytes' || headers['content-range'] !== undefined;
  return hasRanges && etag?.startsWith('"') === true ? etag : undefined;
}

function assertSuccess({ statusCode = 0 }: IncomingMessage, url: URL, uri: string, isRange: boolean): void {
  if (statusCode === 200 || (statusCode === 206 && isRange)) return;
  const message = `GET ${uri}: ${url.host} answered ${statusCode}`;
  if (statusCode === 404 || statusCode === 410) throw new OperatorError('STORAGE_NOT_FOUND', message);
  if (statusCode === 401 || statusCode === 403) throw new OperatorError('STORAGE_ACCESS_DENIED', message);
  const isTransient = statusCode >= 500 || statusCode === 408 || statusCode === 429;
  if (isTransient) throw new OperatorError('STORAGE_UNAVAILABLE', message);
  throw new OperatorError('STORAGE_REFUSED', `${message}; create a job with an address that answers 200`);
}

/** A server that has another object now, or none with a part of it, sends the whole: 200 instead of 206. */
function assertContinues({ statusCode, headers }: IncomingMessage, from: number, etag: string, uri: string): void {
  const isNext = statusCode === 206 && headers['content-range']?.startsWith(`bytes ${from}-`) === true;
  if (isNext && (headers.etag ?? etag) === etag) return;
  throw new OperatorError('STORAGE_PRECONDITION', `GET ${uri}: the object changed while it was read`);
}

/** Where the end of a connection is the end of an object, one that was cut passes for a whole one. */
function assertWhole({ headers }: IncomingMessage, url: URL, uri: string): void {
  const isFramed = headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
  if (!isFramed)
    throw new OperatorError(
      'STORAGE_REFUSED',
      `GET ${uri}: ${url.host} does not tell where the object ends; use a server that sends Content-Length`,
    );
  const encoding = headers['content-encoding'] ?? 'identity';
  const isOfFile = encoding === 'gzip' && url.pathname.toLowerCase().endsWith('.gz');
  if (encoding !== 'identity' && !isOfFile)
    throw new OperatorError(
      'STORAGE_REFUSED',
      `GET ${uri}: ${url.host} sent it with Content-Encoding ${encoding.slice(0, 32)}, which was not asked for; turn that off, or name the file .gz`,
    );
}

async function open(
  uri: string,
  headers: Record<string, string>,
  options: HTTPSourceOptions,
  signal: AbortSignal,
): Promise<{ response: IncomingMessage; url: URL }> {
  const first = URL.parse(uri);
  if (first === null)
    throw new OperatorError('STORAGE_ADDRESS_INVALID', `${uri} is no URL; write one such as https://host/path`);
  let url = first;
  for (let redirects = 0; redirects <= mostRedirects; redirects++) {
    const response = await get(url, headers, options, signal);
    const { location } = response.headers;
    const isRedirect = [301, 302, 303, 307, 308].includes(response.statusCode ?? 0) && location !== undefined;
    if (!isRedirect) return { response, url };
    response.destroy();
    const next = URL.parse(location, url.href);
    const isFollowed =
      next !== null &&
      (next.protocol === 'https:' || (next.protocol === 'http:' && url.protocol === 'http:')) &&
      next.username === '' &&
      next.password === '';
    // What it leads to may be signed, and is told to nobody.
    if (!isFollowed)
      throw new OperatorError(
        'STORAGE_REFUSED',
        `GET ${uri}: ${url.host} leads to an address that is not followed (${next?.protocol ?? 'no URL'}); name the address that the bytes lie at`,
      );
    url = next;
  }
  throw new OperatorError(
    'STORAGE_REFUSED',
    `GET ${uri}: more than ${mostRedirects} redirections; name the address that they end at`,
  );
}

async function get(
  url: URL,
  headers: Record<string, string>,
  { allowed, stallMilliseconds }: HTTPSourceOptions,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  if (url.username !== '' || url.password !== '')
    throw new OperatorError(
      'STORAGE_ADDRESS_INVALID',
      `the address at ${url.host} names a user or a password; use one that everybody may read, or s3:// with a Secret`,
    );
  const hostname = url.hostname.replace(/^\[|\]$/g, '');
  const isAllowed = allowed.allowsHost(url.host, hostname);
  // An address that is written as such is never looked up.
  if (!isAllowed && isIP(hostname) !== 0 && !allowed.allowsAddress(hostname)) throw refusedAddress(url.host, hostname);
  const send = url.protocol === 'https:' ? requestHTTPS : requestHTTP;
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request = send(
    url,
    {
      // No connection of another request is used again: it would lead where nobody has looked.
      agent: false,
      headers: { 'accept-encoding': 'identity', 'user-agent': 'isochrone', ...headers },
      signal,
      timeout: stallMilliseconds,
      ...(isAllowed ? {} : { lookup: judgedLookup(url.host, allowed) }),
    },
    resolve,
  );
  request.on('timeout', () => request.destroy(new Error(`no byte for ${stallMilliseconds} ms`)));
  request.on('error', reject);
  request.end();
  return promise;
}

/** Looks the name up once and judges the very addresses that are connected to. */
function judgedLookup(host: string, allowed: AllowedSources): LookupFunction {
  return (name, options, callback) => {
    lookup(name, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, '');
      const bad = addresses.find(({ address }) => !allowed.allowsAddress(address));
      if (bad !== undefined) return callback(refusedAddress(host, bad.address), '');
      if (options.all === true) return callback(null, addresses);
      callback(null, addresses[0]!.address, addresses[0]!.family);
    });
  };
}

function refusedAddress(host: string, address: string): OperatorError {
  return new OperatorError(
    'STORAGE_REFUSED',
    `${host} is at ${address}, which is not public; ask the administrator of the hub to add it to --input-hosts of the operator`,
  );
}
