import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { RequestOptions } from 'node:https';
import { resolve } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import type { KubeconfigOptions } from './client-options.ts';
import type { Clock } from './clock.ts';
import { parseServer, refuseClearText, rotatingFile, type Endpoint, type Identity, type Tls } from './credentials.ts';
import { KubeconfigError } from './errors.ts';
import { checkUsed, errorKind, readSources, type KubeconfigSource } from './kubeconfig-source.ts';

/** How long headers from an exec plug-in or an auth provider are used before client-node, which caches them, is asked again. */
const dynamicMilliseconds = 10_000;

/**
 * Reads a kubeconfig with client-node, which knows exec plug-ins, OIDC and the rest. Imported here only: it costs 80 MB
 * of memory, and a Pod with a ServiceAccount needs none of it.
 */
export async function endpointFromKubeconfig(options: KubeconfigOptions, clock: Clock): Promise<Endpoint> {
  const { KubeConfig, loadYaml } = await import('@kubernetes/client-node');
  const sources = readSources(options, loadYaml);
  const load = (): KubeConfig => loadConfig(new KubeConfig(), options);
  let config = load();
  const cluster = config.getCurrentCluster();
  const user = config.getCurrentUser();
  if (cluster === null || user === null) {
    throw new KubeconfigError(danglingContext(config, options));
  }
  if (cluster.proxyUrl?.startsWith('socks') === true) {
    throw new KubeconfigError(`proxy-url ${cluster.proxyUrl} is a SOCKS proxy; only http and https are supported`);
  }
  checkUsed(sources, user.name, cluster.name);
  const tokenFile = findTokenFile(sources, user.name);
  const hasToken = [tokenFile, user.token, user.exec, user.authProvider, user.username].some(Boolean);
  const server = parseServer(cluster.server);
  refuseClearText(server, hasToken);
  const readToken = tokenFile === undefined ? undefined : rotatingFile(tokenFile, clock);
  const isDynamic =
    tokenFile !== undefined ||
    Boolean(user.exec) ||
    Boolean(user.authProvider) ||
    Boolean(user.certFile) ||
    Boolean(cluster.caFile);
  let identity: Identity | undefined;
  let askedAt = 0;
  return {
    server: server.href.replace(/\/$/, ''),
    ...(cluster.proxyUrl ? { proxyUrl: cluster.proxyUrl } : {}),
    async authenticate(refresh) {
      const fresh = !isDynamic || clock.monotonic() - askedAt < dynamicMilliseconds;
      if (identity !== undefined && fresh && !refresh) return identity;
      // client-node keeps an exec plug-in's token until it expires, whatever the server says; a new KubeConfig forgets it.
      if (refresh) config = load();
      try {
        const renewed = await currentIdentity(config);
        if (readToken !== undefined) renewed.headers['authorization'] = `Bearer ${await readToken(refresh)}`;
        identity = renewed;
      } catch (error) {
        // Files are replaced one after the other: until all are there the old ones count. If the server refuses those, it is said.
        if (identity === undefined || refresh) throw error;
        options.logger?.warn(
          { err: error, server: cluster.server },
          'new credentials cannot be used yet; the old ones are',
        );
      }
      askedAt = clock.monotonic();
      return identity;
    },
  };
}

function loadConfig(config: KubeConfig, options: KubeconfigOptions): KubeConfig {
  const { path, text, context } = options;
  try {
    if (text !== undefined) config.loadFromString(text);
    else if (path !== undefined) config.loadFromFile(path);
    else config.loadFromDefault();
  } catch (error) {
    const source = text === undefined ? `file ${path ?? '($KUBECONFIG or ~/.kube/config)'}` : 'text';
    // The cause's message may quote the text, and with it a key: name the source only.
    throw new KubeconfigError(`kubeconfig ${source} cannot be read as a kubeconfig (${errorKind(error)})`);
  }
  // Without TLS there is nothing to verify; client-node insists that the file says so, where kubectl does not.
  config.clusters = config.clusters.map((cluster) =>
    cluster.server.startsWith('http:') ? { ...cluster, skipTLSVerify: true } : cluster,
  );
  if (context !== undefined) {
    if (config.getContextObject(context) === null) {
      const known = config.getContexts().map((known) => known.name);
      throw new KubeconfigError(`kubeconfig has no context ${JSON.stringify(context)}; it has: ${known.join(', ')}`);
    }
    config.setCurrentContext(context);
  }
  return config;
}

/** client-node ignores `tokenFile`, kubectl's name for it. */
function findTokenFile(sources: readonly KubeconfigSource[], userName: string): string | undefined {
  for (const { users, directory } of sources) {
    const tokenFile = users.find(({ name }) => name === userName)?.fields['tokenFile'];
    if (directory !== undefined && typeof tokenFile === 'string') return resolve(directory, tokenFile);
  }
  return undefined;
}

async function currentIdentity(config: KubeConfig): Promise<Identity> {
  const applied: RequestOptions = {};
  try {
    await config.applyToHTTPSOptions(applied as Parameters<KubeConfig['applyToHTTPSOptions']>[0]);
  } catch (error) {
    // A SyntaxError quotes what an exec plug-in printed, which is a credential.
    const options = error instanceof SyntaxError ? {} : { cause: error };
    throw new KubeconfigError(`kubeconfig credentials cannot be obtained (${errorKind(error)})`, options);
  }
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(applied.headers ?? {})) headers[name.toLowerCase()] = String(value);
  if (typeof applied.auth === 'string') {
    headers['authorization'] = `Basic ${Buffer.from(applied.auth).toString('base64')}`;
  }
  const tls: Tls = {
    ca: pem(applied.ca),
    cert: pem(applied.cert),
    key: pem(applied.key),
    servername: applied.servername,
    rejectUnauthorized: applied.rejectUnauthorized,
  };
  if (!isPair(tls)) {
    throw new KubeconfigError(
      'client certificate and client key do not belong together; write both anew (client-certificate and client-key)',
    );
  }
  return { headers, tls };
}

function isPair({ cert, key }: Tls): boolean {
  if (cert === undefined || key === undefined) return true;
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch {
    // Not read to its end, or not PEM.
    return false;
  }
}

function pem(value: unknown): string | undefined {
  if (Buffer.isBuffer(value)) return value.toString('utf8');
  return typeof value === 'string' ? value : undefined;
}

/** Which name leads nowhere, in which file, and what there is instead. */
function danglingContext(config: KubeConfig, { path, text }: KubeconfigOptions): string {
  const file = text !== undefined ? 'the kubeconfig' : (path ?? 'the kubeconfig of $KUBECONFIG or ~/.kube/config');
  const current = config.getCurrentContext();
  const context = config.getContextObject(current);
  const list = (names: readonly { readonly name: string }[]): string =>
    names.map(({ name }) => name).join(', ') || 'none';
  if (context === null) {
    return `${file} has no context ${JSON.stringify(current)}; choose one of: ${list(config.getContexts())}`;
  }
  const [kind, name, known] =
    config.getCurrentCluster() === null
      ? (['cluster', context.cluster, config.getClusters()] as const)
      : (['user', context.user, config.getUsers()] as const);
  return `context ${JSON.stringify(current)} of ${file} names the ${kind} ${JSON.stringify(name)}, which is not in it; there are: ${list(known)}`;
}
