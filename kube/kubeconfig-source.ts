import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import type { KubeconfigOptions } from './client-options.ts';
import { KubeconfigError } from './errors.ts';

type Fields = Readonly<Record<string, unknown>>;
/** As the file has it, as far as it was checked. */
interface RawKubeconfig {
  readonly users: readonly { readonly name: string; readonly fields: Fields }[];
  readonly clusters: readonly { readonly name: string; readonly fields: Fields }[];
}

/** One text that a kubeconfig is read from. */
export interface KubeconfigSource extends RawKubeconfig {
  /** For messages. */
  readonly source: string;
  /** What relative paths in it are relative to; undefined for a text. */
  readonly directory?: string;
}
type LoadYaml = (text: string) => unknown;

const mountedToken = '/var/run/secrets/kubernetes.io/serviceaccount/token';

/**
 * Reads and checks what client-node is about to read: it drops what it does not know, invents a server where there is no
 * file, and says little about what is wrong.
 *
 * @throws KubeconfigError that names the source and the field, and never quotes a value, which may be a key
 */
export function readSources({ path, text }: KubeconfigOptions, loadYaml: LoadYaml): KubeconfigSource[] {
  if (path !== undefined && text !== undefined) {
    throw new KubeconfigError('path and text are both set; give one of them');
  }
  if (text !== undefined) {
    const source = checked('text', parse('text', text, loadYaml));
    refuseLocalAccess(source);
    return [source];
  }
  return (path === undefined ? standardPaths() : [path]).map((one) => {
    const source = `file ${one}`;
    return { ...checked(source, parse(source, readText(source, one), loadYaml)), directory: dirname(one) };
  });
}

/** The files kubectl would read. @throws KubeconfigError when there is none, outside a Pod */
function standardPaths(): string[] {
  const fromEnvironment = (process.env['KUBECONFIG'] ?? '').split(delimiter).filter((path) => path !== '');
  if (fromEnvironment.length > 0) return fromEnvironment;
  const standard = join(homedir(), '.kube', 'config');
  if (existsSync(standard)) return [standard];
  if (existsSync(mountedToken)) return [];
  throw new KubeconfigError(
    `there is no kubeconfig: $KUBECONFIG is not set, and ${standard} does not exist; give a path, or set $KUBECONFIG`,
  );
}

function readText(source: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new KubeconfigError(`kubeconfig ${source} cannot be read (${errorKind(error)}); check the path`);
  }
}

function parse(source: string, text: string, loadYaml: LoadYaml): unknown {
  try {
    return loadYaml(text);
  } catch (error) {
    // Not chained: the cause's message quotes the text.
    throw new KubeconfigError(`kubeconfig ${source} cannot be read as a kubeconfig (${errorKind(error)})`);
  }
}

function checked(source: string, raw: unknown): KubeconfigSource {
  if (!isMapping(raw)) {
    const kind = Array.isArray(raw) ? 'a list' : `a ${raw === null ? 'null' : typeof raw}`;
    throw new KubeconfigError(`kubeconfig ${source} is ${kind}, not a mapping with clusters, users and contexts`);
  }
  const entries = (list: 'clusters' | 'users' | 'contexts', part: string) => {
    const given = raw[list] ?? [];
    const named = (entry: unknown): entry is Fields => isMapping(entry) && typeof entry['name'] === 'string';
    if (!Array.isArray(given) || !given.every(named)) {
      throw new KubeconfigError(`kubeconfig ${source}: ${list} is not a list of mappings that each have a name`);
    }
    return given.map((entry) => {
      const fields = entry[part] ?? {};
      if (isMapping(fields)) return { name: String(entry['name']), fields };
      throw new KubeconfigError(`kubeconfig ${source}: ${part} of ${String(entry['name'])} is not a mapping`);
    });
  };
  const [clusters, users] = [entries('clusters', 'cluster'), entries('users', 'user')];
  entries('contexts', 'context');
  for (const { name, fields } of clusters) {
    if (typeof fields['server'] === 'string' && fields['server'] !== '') continue;
    throw new KubeconfigError(
      `kubeconfig ${source}: cluster ${name} has no server; give its URL, such as https://10.0.0.1:6443`,
    );
  }
  return { source, users, clusters };
}

/** What of a user and a cluster needs nothing of this machine. */
const selfContained = {
  user: [
    ...['token', 'client-certificate-data', 'client-key-data', 'username', 'password'],
    ...['as', 'as-groups', 'as-uid', 'as-user-extra'],
  ],
  cluster: [
    'server',
    'certificate-authority-data',
    'insecure-skip-tls-verify',
    'tls-server-name',
    'proxy-url',
    'disable-compression',
    'extensions',
  ],
};

/**
 * A kubeconfig that came as text belongs to whoever wrote the Secret. It must not run a command here, nor send a file of
 * this machine to a server of its choice. Checked before client-node reads it, which reads some files while loading.
 */
function refuseLocalAccess({ users, clusters }: RawKubeconfig): void {
  const beside = (kind: 'user' | 'cluster', entries: RawKubeconfig['users']): string[] =>
    entries.flatMap(({ name, fields }) =>
      Object.keys(fields)
        .filter((field) => !selfContained[kind].includes(field))
        .map((field) => `${kind} ${name}: ${field}`),
    );
  const offences = [...beside('user', users), ...beside('cluster', clusters)];
  if (offences.length > 0) {
    throw new KubeconfigError(
      `kubeconfig text may not run commands or read files (${offences.join('; ')}); inline the data (-data fields) or a token`,
    );
  }
}

/** client-node knows `as` only, and would act as another user than the file says. */
const unknownToClientNode = ['as-groups', 'as-uid', 'as-user-extra'];

/** Checks what is used of the sources. @throws KubeconfigError */
export function checkUsed(sources: readonly KubeconfigSource[], userName: string, clusterName: string): void {
  for (const { source, users, clusters } of sources) {
    const user = users.find(({ name }) => name === userName)?.fields ?? {};
    const cluster = clusters.find(({ name }) => name === clusterName)?.fields ?? {};
    const ignored = unknownToClientNode.find((field) => user[field] !== undefined);
    if (ignored !== undefined) {
      throw new KubeconfigError(
        `kubeconfig ${source}: user ${userName}: ${ignored} is not supported; impersonate with "as" alone, or give the rights to the user itself`,
      );
    }
    const certificate = (pem: Buffer): unknown => new X509Certificate(pem);
    const pems = [
      [`cluster ${clusterName}`, 'certificate-authority-data', cluster, 'certificate', certificate],
      [`user ${userName}`, 'client-certificate-data', user, 'certificate', certificate],
      [`user ${userName}`, 'client-key-data', user, 'private key', createPrivateKey],
    ] as const;
    for (const [owner, field, fields, kind, read] of pems) {
      const data = fields[field];
      if (data === undefined || data === null || data === '') continue;
      try {
        read(Buffer.from(typeof data === 'string' ? data : '', 'base64'));
      } catch {
        throw new KubeconfigError(
          `kubeconfig ${source}: ${owner}: ${field} is not a ${kind} (PEM, in base64); write it anew`,
        );
      }
    }
  }
}

function isMapping(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The code or class of an error whose message may hold a secret. */
export function errorKind(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
