import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { InClusterOptions, ServerOptions } from './client-options.ts';
import { unlessAborted, type Clock } from './clock.ts';
import { KubeconfigError } from './errors.ts';

/** TLS material of a connection, PEM. */
export interface Tls {
  ca?: string | undefined;
  cert?: string | undefined;
  key?: string | undefined;
  servername?: string | undefined;
  rejectUnauthorized?: boolean | undefined;
}

/** Who we are to a server, right now. */
export interface Identity {
  headers: Record<string, string>;
  tls: Tls;
}

/**
 * Asked before every request, so that a rotated token is used at once.
 *
 * @param refresh the server has just answered 401: do not answer from a cache
 */
export type Authenticate = (refresh: boolean) => Promise<Identity>;

/** Where requests go, and as whom. */
export interface Endpoint {
  server: string;
  authenticate: Authenticate;
  /** HTTP(S) proxy to tunnel through. */
  proxyUrl?: string;
}

/** A question that is not answered after this span is asked again by the next request: what hung once need not hang again. */
const patienceMilliseconds = 30_000;

/**
 * Lets requests that ask at the same time share one answer, so that 401s that come together run an exec plug-in once; and
 * each waits only until its own signal aborts, since a plug-in may hang.
 */
export function sharedAuthentication(
  authenticate: Authenticate,
  clock: Clock,
): (refresh: boolean, signal: AbortSignal) => Promise<Identity> {
  const pending = new Map<boolean, Promise<Identity>>();
  const ask = (refresh: boolean): Promise<Identity> => {
    const forget = (): void => {
      if (pending.get(refresh) === asked) pending.delete(refresh);
    };
    const patience = clock.setTimeout(forget, patienceMilliseconds);
    const asked = authenticate(refresh).finally(() => {
      patience.cancel();
      forget();
    });
    pending.set(refresh, asked);
    return asked;
  };
  return (refresh, signal) => unlessAborted(pending.get(true) ?? pending.get(refresh) ?? ask(refresh), signal);
}

/** client-go re-reads token files this often; the kubelet rewrites them at 80 % of their life. */
const rereadMilliseconds = 60_000;

/**
 * A file's trimmed text, read again once it is a minute old or on demand. While a re-read fails (a rotation replaces
 * symbolic links) the last text is used: if it no longer counts, the server says 401 and the demand read reports the cause.
 */
export function rotatingFile(path: string, clock: Clock): (refresh: boolean) => Promise<string> {
  let text: string | undefined;
  let readAt = 0;
  return async (refresh) => {
    if (text !== undefined && !refresh && clock.monotonic() - readAt < rereadMilliseconds) return text;
    try {
      const content = (await readFile(path, 'utf8')).trim();
      if (content === '') throw new KubeconfigError(`credential file ${path} is empty`);
      text = content;
      readAt = clock.monotonic();
    } catch (error) {
      if (text === undefined || refresh) {
        throw error instanceof KubeconfigError
          ? error
          : new KubeconfigError(`credential file ${path} cannot be read; check the mount`, { cause: error });
      }
    }
    return text;
  };
}

/** @throws KubeconfigError when the options contradict each other. */
export function endpointFromOptions(options: ServerOptions, clock: Clock): Endpoint {
  const url = parseServer(options.server);
  const { token, tokenFile, currentToken, proxyUrl, clientCertificate: cert, clientKey: key } = options;
  const given = Object.entries({ token, tokenFile, currentToken }).filter(([, value]) => value !== undefined);
  if (given.length > 1) {
    throw new KubeconfigError(`${given.map(([name]) => name).join(' and ')} are both set; give one of them`);
  }
  if ((cert === undefined) !== (key === undefined)) {
    throw new KubeconfigError('clientCertificate and clientKey belong together; one of them is missing');
  }
  refuseClearText(url, given.length > 0);
  const tls: Tls = { ca: options.ca, cert, key, servername: options.tlsServerName };
  const readToken =
    tokenFile === undefined
      ? async (): Promise<string | undefined> => currentToken?.() ?? token
      : rotatingFile(tokenFile, clock);
  return {
    server: url.href.replace(/\/$/, ''),
    ...(proxyUrl === undefined ? {} : { proxyUrl }),
    async authenticate(refresh) {
      const bearer = await readToken(refresh);
      return { headers: bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }, tls };
    },
  };
}

/** The endpoint a Pod's ServiceAccount mount describes. @throws KubeconfigError outside a cluster. */
export function endpointInCluster(options: InClusterOptions, clock: Clock): Endpoint {
  const environment = options.environment ?? process.env;
  const host = environment['KUBERNETES_SERVICE_HOST'];
  const port = environment['KUBERNETES_SERVICE_PORT'];
  if (!host || !port) {
    throw new KubeconfigError(
      'KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: this is not a Pod; give a kubeconfig',
    );
  }
  const directory = options.directory ?? '/var/run/secrets/kubernetes.io/serviceaccount';
  const readToken = rotatingFile(join(directory, 'token'), clock);
  const readCa = rotatingFile(join(directory, 'ca.crt'), clock);
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    async authenticate(refresh) {
      const [token, ca] = await Promise.all([readToken(refresh), readCa(refresh)]);
      return { headers: { authorization: `Bearer ${token}` }, tls: { ca } };
    },
  };
}

/** @throws KubeconfigError when the text is not an http(s) URL. */
export function parseServer(server: string): URL {
  const url = URL.canParse(server) ? new URL(server) : undefined;
  if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new KubeconfigError(`server ${JSON.stringify(server)} is not an http(s) URL, such as https://10.0.0.1:6443`);
  }
  return url;
}

/** @throws KubeconfigError when a token would go over the network unencrypted. */
export function refuseClearText(server: URL, hasToken: boolean): void {
  if (server.protocol === 'http:' && hasToken && !isLoopback(server.hostname)) {
    throw new KubeconfigError(`server ${server.origin} would receive a token in clear text; use https`);
  }
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\./.test(hostname);
}
