import { homedir } from 'node:os';
import type { Command } from 'commander';
import { ApiClient } from '@isochrone/kube';
import { CliError } from '../errors.ts';
import type { Format } from '../output.ts';

/** What every command of the plug-in takes; the names are kubectl's. */
export interface ConnectionOptions {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
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
  options: ConnectionOptions,
  use: (connection: Connection) => Promise<T>,
): Promise<T> {
  const { kubeconfig, context } = options;
  const client = await ApiClient.fromKubeconfig({
    ...(kubeconfig === undefined ? {} : { path: kubeconfig }),
    ...(context === undefined ? {} : { context }),
    userAgent: 'kubectl-isochrone',
  });
  try {
    return await use({ client, namespace: options.namespace ?? (await contextNamespace(options)) });
  } finally {
    await client.close();
  }
}

async function contextNamespace({ kubeconfig, context }: ConnectionOptions): Promise<string> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  if (kubeconfig === undefined) config.loadFromDefault();
  else config.loadFromFile(kubeconfig.replace(/^~(?=\/)/, homedir()));
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
