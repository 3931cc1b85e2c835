import { randomBytes } from 'node:crypto';
import { AwsClient } from 'aws4fetch';
import { ToolError } from '../errors.ts';
import { eventually } from '../local/eventually.ts';
import type { StorageAccount } from '../local/storage-secret.ts';
import { hasObjects } from './clusters.ts';
import type { Run } from './run.ts';
import { objectsContainer } from './topology.ts';

/** The same S3 server as that of `make demo`. */
const image = 'docker.io/versity/versitygw';
const region = 'us-east-1';
const port = 7070;

export interface KindObjects extends StorageAccount {
  /** As this machine reaches it; `endpoint` is for Pods. */
  readonly localEndpoint: string;
}

/** An S3 server on the network of the clusters, whose objects live as long as its container. */
export async function ensureObjects(run: Run, version: string): Promise<KindObjects> {
  if (!(await hasObjects(run))) await run('docker', objectsArguments(version, randomBytes(20).toString('base64url')));
  const objects = objectsOf(await run('docker', ['inspect', objectsContainer]));
  await eventually(async () => (await fetch(`${objects.localEndpoint}/health`)).ok, {
    timeout: 60_000,
    describe: `the object store at ${objects.localEndpoint} answers`,
  });
  return objects;
}

export function objectsArguments(version: string, secret: string): string[] {
  const settings = { ROOT_ACCESS_KEY_ID: 'isochrone', ROOT_SECRET_ACCESS_KEY: secret };
  const environment = Object.entries(settings).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
  const where = ['--network', 'kind', '--publish', `127.0.0.1::${port}`];
  const server = ['--port', `:${port}`, '--region', region, '--health', '/health', 'posix', '/tmp'];
  return ['run', '--detach', '--name', objectsContainer, ...where, ...environment, `${image}:${version}`, ...server];
}

interface Inspected {
  readonly Config: { readonly Env: readonly string[] };
  readonly NetworkSettings: {
    readonly Networks: Readonly<Record<string, { readonly IPAddress: string }>>;
    readonly Ports: Readonly<Record<string, readonly { readonly HostPort: string }[] | null>>;
  };
}

/**
 * @param inspected what `docker inspect` says of the container
 * @throws ToolError ProcessExited when it does not run
 */
export function objectsOf(inspected: string): KindObjects {
  const [container] = JSON.parse(inspected) as [Inspected];
  const address = container.NetworkSettings.Networks['kind']?.IPAddress ?? '';
  const hostPort = container.NetworkSettings.Ports[`${port}/tcp`]?.[0]?.HostPort;
  if (address === '' || hostPort === undefined) {
    throw new ToolError(
      'ProcessExited',
      `the container ${objectsContainer} does not run; see docker logs ${objectsContainer}, then make kind-down and make kind`,
    );
  }
  const setting = (name: string): string =>
    container.Config.Env.find((line) => line.startsWith(`${name}=`))?.slice(name.length + 1) ?? '';
  return {
    endpoint: `http://${address}:${port}`,
    localEndpoint: `http://127.0.0.1:${hostPort}`,
    accessKeyId: setting('ROOT_ACCESS_KEY_ID'),
    secretAccessKey: setting('ROOT_SECRET_ACCESS_KEY'),
    region,
  };
}

/** @param uri s3://bucket/key; the bucket is made when there is none */
export async function upload(objects: KindObjects, uri: string, body: Uint8Array<ArrayBuffer>): Promise<void> {
  const { accessKeyId, secretAccessKey, localEndpoint } = objects;
  const client = new AwsClient({ accessKeyId, secretAccessKey, region, service: 's3' });
  const { host: bucket, pathname } = new URL(uri);
  const put = async (path: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> => {
    const response = await client.fetch(`${localEndpoint}/${path}`, { method: 'PUT', body: bytes });
    const said = await response.text();
    if (response.ok || /BucketAlreadyOwnedByYou|BucketAlreadyExists/.test(said)) return;
    throw new ToolError('CommandFailed', `PUT ${path} answered ${response.status}: ${said.slice(0, 500)}`);
  };
  await put(bucket, new Uint8Array());
  await put(`${bucket}${pathname}`, body);
}
