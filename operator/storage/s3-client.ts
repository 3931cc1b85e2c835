import { setTimeout as sleep } from 'node:timers/promises';
import { AwsV4Signer } from 'aws4fetch';
import { OperatorError, hasCode } from '../errors.ts';
import type { StorageCredentials } from './credentials.ts';
import { parseListPage, type ListedObject } from './list-page.ts';
import { s3Error } from './s3-error.ts';
import { s3URI, type ObjectLocation } from './s3-uri.ts';

export interface S3ClientOptions {
  /** Tries of one call before it is STORAGE_UNAVAILABLE. Default 3. */
  readonly tries?: number;
  /** Wait before the second try; doubled and jittered for each one after. Default 200. */
  readonly backoffMilliseconds?: number;
  /** Until the answer's head arrives. Default 15 000. */
  readonly timeoutMilliseconds?: number;
  /** A body that stalls for longer fails. Default 30 000. */
  readonly stallMilliseconds?: number;
  readonly random?: () => number;
}

export interface ObjectHead {
  /** As the store writes it, quotes included: the value for If-Match. */
  readonly etag: string;
  readonly sizeBytes: number;
}

export interface GetOptions {
  /** Fails with STORAGE_PRECONDITION when the object has another entity tag. */
  readonly ifMatch?: string;
  /** Bytes [start, end). */
  readonly range?: { readonly start: number; readonly end: number };
  readonly signal?: AbortSignal;
}

export interface PutOptions {
  /** Fails with STORAGE_PRECONDITION when the object exists. */
  readonly ifNoneMatch?: '*';
  readonly contentType?: string;
  readonly signal?: AbortSignal;
}

export interface Presigned {
  readonly url: string;
  /** Signed: whoever uses the URL must send exactly these. */
  readonly headers: Record<string, string>;
}

/** A slower upload than 1 MB/s is given up. */
const leastBytesPerMillisecond = 1000;

/** Longest life of a presigned URL (Signature Version 4). */
export const MAX_PRESIGNED_SECONDS = 7 * 24 * 3600;

/** The calls of S3 that the operator needs, addressed by path. Every method may throw any OperatorError STORAGE_*. */
export class S3Client {
  readonly #credentials: StorageCredentials;
  readonly #options: Required<S3ClientOptions>;
  readonly #signingKeys = new Map<string, ArrayBuffer>();

  constructor(credentials: StorageCredentials, options: S3ClientOptions = {}) {
    this.#credentials = credentials;
    this.#options = {
      tries: 3,
      backoffMilliseconds: 200,
      timeoutMilliseconds: 15_000,
      stallMilliseconds: 30_000,
      random: Math.random,
      ...options,
    };
  }

  async head(location: ObjectLocation, signal?: AbortSignal): Promise<ObjectHead> {
    const response = await this.#send('HEAD', location, {}, signal);
    await response.body?.cancel();
    const sizeBytes = Number(response.headers.get('content-length') ?? Number.NaN);
    const etag = response.headers.get('etag');
    if (etag === null || !Number.isSafeInteger(sizeBytes)) {
      throw new OperatorError('STORAGE_REFUSED', `HEAD ${s3URI(location)}: the store gave no ETag or Content-Length`);
    }
    return { etag, sizeBytes };
  }

  /** The body as it arrives. Reading may fail with STORAGE_UNAVAILABLE. */
  async getStream(
    location: ObjectLocation,
    options: GetOptions = {},
  ): Promise<AsyncIterable<Uint8Array> & { etag: string }> {
    const { ifMatch, range, signal } = options;
    const headers = {
      ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }),
      ...(range === undefined ? {} : { range: `bytes=${range.start}-${range.end - 1}` }),
    };
    const response = await this.#send('GET', location, { headers }, signal);
    if (range !== undefined && response.status !== 206) {
      await response.body?.cancel();
      throw new OperatorError('STORAGE_REFUSED', `GET ${s3URI(location)}: the store ignored the Range header`);
    }
    const encoding = response.headers.get('content-encoding') ?? '';
    // fetch would unpack it unasked: neither its length nor its digest would be the object's, and a cut one would pass for whole.
    if (/\b(gzip|deflate|br|zstd)\b/i.test(encoding)) {
      await response.body?.cancel();
      throw new OperatorError(
        'STORAGE_REFUSED',
        `GET ${s3URI(location)}: the object is stored with Content-Encoding ${encoding}; upload it without`,
      );
    }
    const etag = response.headers.get('etag') ?? '';
    const chunks = guarded(response, `GET ${s3URI(location)}`, this.#options.stallMilliseconds);
    return { etag, [Symbol.asyncIterator]: () => chunks[Symbol.asyncIterator]() };
  }

  /** A range as one buffer, read again when the connection breaks. Fails when the object ends before the range does. */
  async getRange(
    location: ObjectLocation,
    range: { readonly start: number; readonly end: number },
    options: GetOptions = {},
  ): Promise<Uint8Array> {
    return this.#retry(async () => {
      const parts: Uint8Array[] = [];
      for await (const chunk of await this.getStream(location, { ...options, range })) parts.push(chunk);
      const bytes = Buffer.concat(parts);
      if (bytes.byteLength === range.end - range.start) return bytes;
      throw new OperatorError(
        'STORAGE_UNAVAILABLE',
        `GET ${s3URI(location)}: got ${bytes.byteLength} of ${range.end - range.start} bytes`,
      );
    }, options.signal);
  }

  async put(location: ObjectLocation, body: Uint8Array | Blob, options: PutOptions = {}): Promise<{ etag: string }> {
    const { ifNoneMatch, contentType = 'application/octet-stream', signal } = options;
    const headers = {
      'content-type': contentType,
      ...(ifNoneMatch === undefined ? {} : { 'if-none-match': ifNoneMatch }),
    };
    const response = await this.#send('PUT', location, { headers, body }, signal);
    await response.body?.cancel();
    return { etag: response.headers.get('etag') ?? '' };
  }

  /** Succeeds too when there is nothing to delete. */
  async delete(location: ObjectLocation, signal?: AbortSignal): Promise<void> {
    const response = await this.#send('DELETE', location, {}, signal);
    await response.body?.cancel();
  }

  /** Every object whose key starts with the prefix, page by page. */
  async *list(prefix: ObjectLocation, signal?: AbortSignal): AsyncGenerator<ListedObject, void> {
    let token: string | undefined;
    do {
      const query: Record<string, string> = {
        'list-type': '2',
        prefix: prefix.key,
        ...(token === undefined ? {} : { 'continuation-token': token }),
      };
      const response = await this.#send('GET', { bucket: prefix.bucket, key: '' }, { query }, signal);
      const page = parseListPage(await response.text());
      yield* page.objects;
      token = page.continuationToken;
    } while (token !== undefined);
  }

  /** GET that works only while the object has the entity tag, which the reader must send as If-Match. */
  async presignGet(
    location: ObjectLocation,
    options: { readonly expiresSeconds: number; readonly ifMatch?: string },
  ): Promise<Presigned> {
    return this.#presign(
      'GET',
      location,
      options.expiresSeconds,
      options.ifMatch === undefined ? {} : { 'If-Match': options.ifMatch },
    );
  }

  /** PUT that works only while the object does not exist. */
  async presignPut(location: ObjectLocation, options: { readonly expiresSeconds: number }): Promise<Presigned> {
    return this.#presign('PUT', location, options.expiresSeconds, { 'If-None-Match': '*' });
  }

  async #presign(
    method: string,
    location: ObjectLocation,
    expiresSeconds: number,
    headers: Record<string, string>,
  ): Promise<Presigned> {
    const url = this.#url(location);
    url.searchParams.set(
      'X-Amz-Expires',
      String(Math.min(Math.max(1, Math.ceil(expiresSeconds)), MAX_PRESIGNED_SECONDS)),
    );
    const signer = this.#signer({ method, url: url.href, headers, signQuery: true, allHeaders: true });
    return { url: (await signer.sign()).url.href, headers };
  }

  #signer(request: Omit<ConstructorParameters<typeof AwsV4Signer>[0], 'accessKeyId' | 'secretAccessKey'>): AwsV4Signer {
    const { accessKeyId, secretAccessKey, region } = this.#credentials;
    return new AwsV4Signer({
      ...request,
      accessKeyId,
      secretAccessKey,
      region,
      service: 's3',
      cache: this.#signingKeys,
    });
  }

  #url({ bucket, key }: ObjectLocation, query: Readonly<Record<string, string>> = {}): URL {
    const path = [bucket, ...key.split('/')].map((segment) => encodeURIComponent(segment)).join('/');
    const url = new URL(`${this.#credentials.endpoint}/${path}`);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    return url;
  }

  /** One successful answer; everything else is a named error. */
  async #send(
    method: string,
    location: ObjectLocation,
    {
      headers = {},
      query = {},
      body,
    }: { headers?: Record<string, string>; query?: Record<string, string>; body?: Uint8Array | Blob },
    signal: AbortSignal | undefined,
  ): Promise<Response> {
    const what = `${method} ${s3URI(location)}`;
    return this.#retry(async () => {
      const signer = this.#signer({ method, url: this.#url(location, query).href, headers });
      const signed = await signer.sign();
      const timeout = new AbortController();
      // A large body takes longer to send than an answer takes to come.
      const bytes = body instanceof Blob ? body.size : (body?.byteLength ?? 0);
      const sending = bytes / leastBytesPerMillisecond;
      const timer = setTimeout(() => timeout.abort(), this.#options.timeoutMilliseconds + sending);
      try {
        const response = await fetch(signed.url, {
          method,
          headers: signed.headers,
          ...(body === undefined ? {} : { body: body as Uint8Array<ArrayBuffer> | Blob }),
          redirect: 'error',
          signal: signal === undefined ? timeout.signal : AbortSignal.any([signal, timeout.signal]),
        });
        if (response.ok) return response;
        throw s3Error(what, response.status, (await response.text()).slice(0, 8192));
      } catch (error) {
        if (error instanceof OperatorError) throw error;
        signal?.throwIfAborted();
        throw new OperatorError('STORAGE_UNAVAILABLE', `${what} at ${this.#credentials.endpoint}: ${reasonOf(error)}`, {
          cause: error,
        });
      } finally {
        clearTimeout(timer);
      }
    }, signal);
  }

  async #retry<T>(call: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await call();
      } catch (error) {
        if (attempt >= this.#options.tries || !hasCode(error, 'STORAGE_UNAVAILABLE')) throw error;
      }
      const wait = this.#options.backoffMilliseconds * 2 ** (attempt - 1) * (0.5 + this.#options.random());
      await sleep(wait, undefined, signal === undefined ? {} : { signal });
    }
  }
}

/** The body's chunks, with a named error for a broken or stalled connection. */
async function* guarded(response: Response, what: string, stallMilliseconds: number): AsyncGenerator<Uint8Array, void> {
  const reader = response.body?.getReader();
  if (reader === undefined) return;
  try {
    for (;;) {
      const stall = Promise.withResolvers<never>();
      const timer = setTimeout(() => stall.reject(new Error(`no byte for ${stallMilliseconds} ms`)), stallMilliseconds);
      let chunk: Awaited<ReturnType<typeof reader.read>>;
      try {
        chunk = await Promise.race([reader.read(), stall.promise]);
      } catch (error) {
        throw new OperatorError('STORAGE_UNAVAILABLE', `${what}: ${reasonOf(error)}`, { cause: error });
      } finally {
        clearTimeout(timer);
      }
      if (chunk.done) return;
      yield chunk.value;
    }
  } finally {
    // Closes the connection when the caller stopped early; after the end it does nothing.
    await reader.cancel().catch(() => undefined);
  }
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message || cause.name : String(cause);
}
