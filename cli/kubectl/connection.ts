import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import type { Command } from 'commander';
import { inferenceJobResource, SYSTEM_NAMESPACE, type InferenceJob } from '@isochrone/api';
import { ApiClient, ApiError, type KubeObject, type ObjectRef, type Resource } from '@isochrone/kube';
import { CliError } from '../errors.ts';
import type { Format } from '../output.ts';

/** What every command of the plug-in takes, before its name or after, as kubectl does; the names are kubectl's. */
export interface ConnectionOptions {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
}

/** The same with `-o`. */
export interface PrintOptions extends ConnectionOptions {
  readonly output?: Format;
}

export function connectionOptions(command: Command): Command {
  return command
    .option('--kubeconfig <file>', 'default: $KUBECONFIG, then ~/.kube/config')
    .option('--context <name>', 'default: the current context')
    .option('-n, --namespace <name>', "default: the context's namespace");
}

export interface Connection {
  readonly client: ApiClient;
  readonly namespace: string;
}

/** Connects as kubectl would. @throws KubeconfigError */
export async function withConnection<T>(
  options: Omit<ConnectionOptions, 'output'>,
  use: (connection: Connection) => Promise<T>,
): Promise<T> {
  const { kubeconfig, context } = options;
  // The list is read in more than one place, and by a library that insists on every file.
  const list = process.env['KUBECONFIG'];
  if (list !== undefined) process.env['KUBECONFIG'] = existingFiles(list);
  const isPod = runsInPod(options);
  const client = isPod
    ? await ApiClient.inCluster({ userAgent: 'kubectl-isochrone' })
    : await ApiClient.fromKubeconfig({
        ...(kubeconfig === undefined ? {} : { path: kubeconfig }),
        ...(context === undefined ? {} : { context }),
        userAgent: 'kubectl-isochrone',
      });
  try {
    const namespace = options.namespace ?? (isPod ? SYSTEM_NAMESPACE : await contextNamespace(options));
    return await use({ client, namespace });
  } finally {
    await client.close();
  }
}

/** As kubectl: the ServiceAccount of the Pod, where there is one and nothing else is given. */
function runsInPod({ kubeconfig, context }: Pick<ConnectionOptions, 'kubeconfig' | 'context'>): boolean {
  const isElsewhere = kubeconfig !== undefined || context !== undefined || process.env['KUBECONFIG'] !== undefined;
  return (
    !isElsewhere &&
    process.env['KUBERNETES_SERVICE_HOST'] !== undefined &&
    !existsSync(join(homedir(), '.kube', 'config'))
  );
}

/** Of a list of files those that are there, as kubectl takes it; all of them when none is, so that the error names them. */
export function existingFiles(list: string): string {
  const existing = list.split(delimiter).filter((file) => existsSync(file));
  return existing.length === 0 ? list : existing.join(delimiter);
}

/**
 * The object, if there is one.
 * @throws CliError NOT_FOUND when the server does not even know the resource; ApiError
 */
export async function findObject<T extends KubeObject>(
  client: Pick<ApiClient, 'get' | 'server'>,
  resource: Resource<T>,
  ref: ObjectRef,
): Promise<T | undefined> {
  try {
    return await client.get(resource, ref);
  } catch (error) {
    if (!(error instanceof ApiError && error.isNotFound)) throw error;
    // The server names the object that is missing, unless it is the resource.
    if (error.details.name !== undefined) return undefined;
    throw new CliError(
      'NOT_FOUND',
      `${client.server} knows no ${resource.plural}; choose a hub by --context, or have an administrator install Isochrone (crds/)`,
      { cause: error },
    );
  }
}

/** @throws CliError NOT_FOUND; ApiError */
export async function readJob({ client, namespace }: Connection, name: string): Promise<InferenceJob> {
  const job = await findObject(client, inferenceJobResource, { namespace, name });
  if (job !== undefined) return job;
  throw new CliError(
    'NOT_FOUND',
    `there is no InferenceJob ${name} in namespace ${namespace}; kubectl get inferencejobs -A lists them`,
  );
}

/** As a source of a view or a watch. */
export function jobNamed(namespace: string, name: string) {
  return { jobs: { resource: inferenceJobResource, namespace, fieldSelector: `metadata.name=${name}` } };
}

/** The kubeconfig as kubectl finds it. */
export async function kubeconfigOf({ kubeconfig }: ConnectionOptions): Promise<KubeConfig> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  if (kubeconfig === undefined) config.loadFromDefault();
  else config.loadFromFile(kubeconfig.replace(/^~(?=\/)/, homedir()));
  return config;
}

async function contextNamespace(options: ConnectionOptions): Promise<string> {
  const { context } = options;
  const config = await kubeconfigOf(options);
  return config.getContextObject(context ?? config.getCurrentContext())?.namespace ?? 'default';
}

/** Takes `job/NAME` and plain `NAME`. @throws CliError USAGE */
export function jobName(target: string): string {
  const match = /^(?:(?:job|infj|inferencejobs?)(?:\.isochrone\.dev)?\/)?([a-z0-9](?:[-.a-z0-9]*[a-z0-9])?)$/.exec(
    target,
  );
  if (match === null) {
    throw new CliError(
      'USAGE',
      `${JSON.stringify(target)} names no InferenceJob; write job/NAME, such as job/read-lines`,
    );
  }
  return match[1]!;
}
