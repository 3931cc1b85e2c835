import { isDeepStrictEqual, promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { Pool, ProxyAgent, type Dispatcher } from 'undici';
import { jitteredBackoff, retryAfterDelay } from './backoff.ts';
import type { ClientOptions } from './client-options.ts';
import type { RawRequest } from './requests.ts';
import { systemClock, type Clock } from './clock.ts';
import { sharedAuthentication, type Endpoint, type Identity, type Tls } from './credentials.ts';
import { ApiError, KubeconfigError, KubeError, RequestTimeoutError, type StatusDetails } from './errors.ts';
import { RateLimiter } from './rate-limiter.ts';

const gunzipAsync = promisify(gunzip);

const defaultTimeoutMilliseconds = 30_000;
/** client-go gives up on a throttled request after ten answers. */
const mostRetries = 10;
/** A larger answer is a broken or hostile server. A page of 500 objects of 1 MiB fits. */
const largestAnswerBytes = 512 * 1024 * 1024;
/** Of an error only the beginning is read. */
const largestErrorBytes = 1024 * 1024;

interface Pools {
  tls: Tls;
  requests: Dispatcher;
  watches: Dispatcher;
}

/**
 * HTTP to one API server. Requests share a bounded pool of HTTP/1.1 connections: HTTP/2 in undici was measured 2.4 times
 * slower, and more than 16 connections only add latency. Watches have a pool of their own, because each holds its
 * connection for minutes and a dozen of them would leave none for requests.
 */
export class Transport {
  readonly host: string;
  readonly #endpoint: Endpoint;
  readonly #authenticate: ReturnType<typeof sharedAuthentication>;
  readonly #basePath: string;
  readonly #origin: string;
  readonly #options: ClientOptions;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #limiter: RateLimiter | undefined;
  #pools: Pools | undefined;
  #closed = false;

  constructor(endpoint: Endpoint, options: ClientOptions) {
    const url = new URL(endpoint.server);
    this.host = url.host;
    this.#origin = url.origin;
    this.#basePath = url.pathname === '/' ? '' : url.pathname;
    this.#endpoint = endpoint;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#authenticate = sharedAuthentication(endpoint.authenticate, this.#clock);
    this.#random = options.random ?? Math.random;
    const { requestsPerSecond: rate } = options;
    this.#limiter = rate === undefined ? undefined : new RateLimiter(rate, options.burst ?? rate * 2, this.#clock);
  }

  /**
   * Sends, and retries what the server refused to start (429, or 5xx with Retry-After) and reads whose connection broke.
   *
   * @throws ApiError for an answer that is not a success; RequestTimeoutError; the signal's reason; undici's error when no
   * answer came.
   */
  async send(request: RawRequest): Promise<unknown> {
    const timeout = request.timeoutMilliseconds ?? defaultTimeoutMilliseconds;
    let refusal: unknown;
    const expired = (): RequestTimeoutError =>
      new RequestTimeoutError(describe(request), timeout, refusal === undefined ? {} : { cause: refusal });
    return this.#withTimeout(request.signal, timeout, expired, async (signal) => {
      for (let attempt = 0; ; attempt++) {
        await this.#limiter?.take(signal);
        try {
          return await this.#once(request, signal);
        } catch (error) {
          signal.throwIfAborted();
          const delay = attempt < mostRetries ? this.#retryDelay(request, error, attempt) : undefined;
          if (delay === undefined) throw error;
          refusal = error;
          this.#tellRetry(request, error, delay);
          await this.#clock.sleep(delay, signal);
        }
      }
    });
  }

  /** Opens a stream: resolves with its bytes once the server answered. The signal ends the stream too. */
  async stream(request: RawRequest, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const opening = new AbortController();
    const both = AbortSignal.any([signal, opening.signal]);
    const timeout = request.timeoutMilliseconds ?? defaultTimeoutMilliseconds;
    const timer = this.#clock.setTimeout(
      () => opening.abort(new RequestTimeoutError(describe(request), timeout)),
      timeout,
    );
    try {
      await this.#limiter?.take(both);
      const response = await this.#authenticated(request, both, 'watches');
      await this.#assertSuccess(request, response);
      return response.body;
    } finally {
      timer.cancel();
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    const pools = this.#pools;
    this.#pools = undefined;
    if (pools !== undefined) await Promise.all([pools.requests.destroy(), pools.watches.destroy()]);
  }

  async #withTimeout<R>(
    given: AbortSignal | undefined,
    milliseconds: number,
    expired: () => RequestTimeoutError,
    work: (signal: AbortSignal) => Promise<R>,
  ): Promise<R> {
    const expiry = new AbortController();
    const timer = this.#clock.setTimeout(() => expiry.abort(expired()), milliseconds);
    try {
      const signal = given === undefined ? expiry.signal : AbortSignal.any([given, expiry.signal]);
      signal.throwIfAborted();
      return await work(signal);
    } finally {
      timer.cancel();
    }
  }

  #retryDelay(request: RawRequest, error: unknown, attempt: number): number | undefined {
    if (error instanceof ApiError) {
      const refused = error.status === 429 || (error.status >= 500 && error.retryAfterSeconds !== undefined);
      const backoff = jitteredBackoff(attempt, 100, 10_000, this.#random);
      return refused ? retryAfterDelay(error.retryAfterSeconds ?? 1, backoff, this.#random) : undefined;
    }
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    return isRead && attempt < 2 && isBrokenConnection(error)
      ? jitteredBackoff(attempt, 50, 1000, this.#random)
      : undefined;
  }

  async #once(request: RawRequest, signal: AbortSignal): Promise<unknown> {
    const response = await this.#authenticated(request, signal, 'requests');
    await this.#assertSuccess(request, response);
    const text = (await readBody(request, response)).toString('utf8');
    const isJson = String(response.headers['content-type'] ?? '').includes('json');
    if (!isJson || text === '') return text;
    try {
      return JSON.parse(text) as unknown;
    } catch {
      // Not chained: the SyntaxError's message quotes the text, which may be a Secret.
      throw new KubeError(
        'RESPONSE_INVALID',
        `${describe(request)}: the answer is not JSON (${text.length} characters)`,
      );
    }
  }

  #tellRetry({ method, path }: RawRequest, error: unknown, delay: number): void {
    const code = error instanceof ApiError ? String(error.status) : '<error>';
    this.#options.metrics?.requestRetries.inc({ code, verb: method, host: this.host });
    this.#options.logger?.info({ method, path, code, delay, err: error }, 'request failed; it is sent again');
  }

  /** @throws ApiError; KubeconfigError for a success that no API server sends: a login page, a redirect to one. */
  async #assertSuccess(request: RawRequest, response: Dispatcher.ResponseData): Promise<void> {
    const { statusCode, headers } = response;
    if (statusCode >= 400) throw await toApiError(request, response, this.#clock.now());
    const type = String(headers['content-type'] ?? '');
    if (statusCode < 300 && !type.startsWith('text/html')) return;
    await response.body.dump();
    throw new KubeconfigError(
      `${describe(request)}: server ${this.#endpoint.server} answered ${statusCode}${type === '' ? '' : ` with ${type}`}; ` +
        'that is not a Kubernetes API server: check server (and proxy-url) of the kubeconfig',
    );
  }

  /** Sends once; after a 401 once more if asking for new credentials changed them. */
  async #authenticated(
    request: RawRequest,
    signal: AbortSignal,
    pool: 'requests' | 'watches',
  ): Promise<Dispatcher.ResponseData> {
    const identity = await this.#authenticate(false, signal);
    const response = await this.#dispatch(request, identity, signal, pool);
    if (response.statusCode !== 401) return response;
    const renewed = await this.#authenticate(true, signal);
    const changed = !isDeepStrictEqual(renewed, identity);
    const { method, path } = request;
    this.#options.logger?.info({ method, path, changed }, 'the server refused our credentials; they were read again');
    if (!changed) return response;
    await response.body.dump();
    return this.#dispatch(request, renewed, signal, pool);
  }

  async #dispatch(
    request: RawRequest,
    identity: Identity,
    signal: AbortSignal,
    pool: 'requests' | 'watches',
  ): Promise<Dispatcher.ResponseData> {
    const { metrics, userAgent } = this.#options;
    const { method, body } = request;
    const verb = pool === 'watches' ? 'WATCH' : method;
    const started = this.#clock.monotonic();
    let code = '<error>';
    try {
      const response = await this.#poolsFor(identity.tls)[pool].request({
        origin: this.#origin,
        path: `${this.#basePath}${request.path}${queryString(request.query)}`,
        method,
        headers: {
          ...identity.headers,
          accept: 'application/json',
          'user-agent': userAgent ?? 'isochrone-kube',
          ...(pool === 'requests' && method === 'GET' ? { 'accept-encoding': 'gzip' } : {}),
          ...(body === undefined ? {} : { 'content-type': request.contentType ?? 'application/json' }),
        },
        body: body === undefined ? null : JSON.stringify(body),
        signal,
      });
      code = String(response.statusCode);
      return response;
    } finally {
      metrics?.requests.inc({ code, method, host: this.host });
      metrics?.requestSeconds.observe({ verb, host: this.host }, (this.#clock.monotonic() - started) / 1000);
    }
  }

  /** The pools for this TLS material. New material (a rotated certificate) gets new pools; the old ones end with their last request. */
  #poolsFor(tls: Tls): Pools {
    if (this.#closed) throw new Error(`client of ${this.host} is closed`);
    if (this.#pools !== undefined && isDeepStrictEqual(this.#pools.tls, tls)) return this.#pools;
    const old = this.#pools;
    const pools = {
      tls,
      requests: this.#createPool(tls, this.#options.maxConnections ?? 16),
      watches: this.#createPool(tls, undefined),
    };
    this.#pools = pools;
    if (old !== undefined) {
      this.#options.logger?.info({ host: this.host }, 'TLS credentials changed; new connections use them');
    }
    for (const pool of old === undefined ? [] : [old.requests, old.watches]) {
      pool.close().catch((error: unknown) => {
        this.#options.logger?.warn(
          { err: error, host: this.host },
          'connections with the old certificate did not close',
        );
      });
    }
    return pools;
  }

  #createPool(tls: Tls, connections: number | undefined): Dispatcher {
    const connect = {
      ...Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined)),
      timeout: 10_000,
      keepAlive: true,
      // Below the 60 s after which cloud load balancers drop an idle connection.
      keepAliveInitialDelay: 30_000,
    };
    const shared = {
      ...(connections === undefined ? {} : { connections }),
      allowH2: false,
      keepAliveTimeout: 30_000,
      // Time limits are ours, on the injected clock.
      headersTimeout: 0,
      bodyTimeout: 0,
      ...(connections === undefined ? {} : { maxResponseSize: largestAnswerBytes }),
    };
    const { proxyUrl } = this.#endpoint;
    return proxyUrl === undefined
      ? new Pool(this.#origin, { ...shared, connect })
      : new ProxyAgent({ ...shared, uri: proxyUrl, requestTls: connect });
  }
}

function describe(request: RawRequest): string {
  return `${request.method} ${request.path}`;
}

function queryString(query: RawRequest['query']): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined) parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}

/** The beginning of an error's text: an answer to a watch has no other limit, since a watch itself must not have one. */
async function readError(request: RawRequest, response: Dispatcher.ResponseData): Promise<string> {
  if (response.headers['content-encoding'] === 'gzip') return (await readBody(request, response)).toString('utf8');
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response.body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= largestErrorBytes) break;
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function readBody(request: RawRequest, response: Dispatcher.ResponseData): Promise<Buffer> {
  const bytes = Buffer.from(await response.body.arrayBuffer());
  if (response.headers['content-encoding'] !== 'gzip') return bytes;
  try {
    return await gunzipAsync(bytes, { maxOutputLength: largestAnswerBytes });
  } catch (error) {
    const message = `${describe(request)}: the answer cannot be decompressed (${bytes.length} bytes)`;
    throw new KubeError('RESPONSE_INVALID', message, { cause: error });
  }
}

/** A `metav1.Status`, as far as it is read. */
interface Status {
  message?: string;
  reason?: string;
  code?: number;
  details?: StatusDetails;
}

async function toApiError(request: RawRequest, response: Dispatcher.ResponseData, now: number): Promise<ApiError> {
  const text = await readError(request, response);
  const status = parseStatus(text);
  const message = status?.message ?? (text.slice(0, 200).trim() || 'no message');
  return new ApiError(`${describe(request)}: ${response.statusCode} ${message}`, {
    status: response.statusCode,
    reason: status?.reason ?? '',
    details: status?.details ?? {},
    retryAfterSeconds: parseRetryAfter(response.headers['retry-after'], now),
  });
}

function parseStatus(text: string): Status | undefined {
  try {
    const value = JSON.parse(text) as { kind?: string } & Status;
    return value.kind === 'Status' ? value : undefined;
  } catch {
    // A proxy's HTML, or plain text: the caller quotes it instead.
    return undefined;
  }
}

/** `Retry-After` as seconds or an HTTP date. @returns seconds, at least 0 */
export function parseRetryAfter(header: string | string[] | undefined, now: number): number | undefined {
  if (typeof header !== 'string') return undefined;
  if (/^\d+$/.test(header)) return Number(header);
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, (date - now) / 1000);
}

const broken: ReadonlySet<unknown> = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE', 'RESPONSE_INVALID']);

/** The connection broke before the whole answer was there; only safe to repeat for reads. */
function isBrokenConnection(error: unknown): boolean {
  return error instanceof Error && 'code' in error && broken.has(error.code);
}
