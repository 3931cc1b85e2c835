import { readFile } from 'node:fs/promises';
import type { TestContext } from 'node:test';
import { ApiClient, Metrics } from '@isochrone/kube';
import { RecordingLogger } from '@isochrone/kube/testing';
import { startFaultProxy, startTcpRelay, type FaultProxy, type TcpRelay } from '@isochrone/test/harness';
import type { ControlPlane } from '@isochrone/tools/local';
import { Registry } from 'prom-client';

/** A client in the group system:masters, closed after the test that asks for it. */
export async function adminClient(t: TestContext, plane: ControlPlane): Promise<ApiClient> {
  const client = await ApiClient.fromKubeconfig({ path: plane.adminKubeconfig });
  t.after(() => client.close());
  return client;
}

/** What a client says: its metrics and log lines. */
export interface Observed {
  client: ApiClient;
  registry: Registry;
  logger: RecordingLogger;
  metrics: Metrics;
}

/** A client of a control plane through a TCP relay of its own, which can be cut without touching anybody else; closed after the test. */
export async function relayedClient(
  t: TestContext,
  plane: ControlPlane,
  kubeconfig = plane.adminKubeconfig,
): Promise<Observed & TcpRelay> {
  const { hostname, port } = new URL(plane.server);
  const relay = await startTcpRelay({ host: hostname, port: Number(port) });
  const observers = observe();
  const text = (await readFile(kubeconfig, 'utf8')).replace(plane.server, `https://127.0.0.1:${relay.port}`);
  const client = await ApiClient.fromKubeconfig({ text, name: plane.name, ...observers });
  t.after(async () => {
    await client.close();
    relay.close();
  });
  return { ...relay, client, ...observers };
}

/** A client in the group system:masters through a fault proxy of its own; closed after the test. */
export async function proxiedClient(t: TestContext, plane: ControlPlane): Promise<Observed & { proxy: FaultProxy }> {
  const { users } = JSON.parse(await readFile(plane.adminKubeconfig, 'utf8')) as {
    users: { user: Record<'client-certificate-data' | 'client-key-data', string> }[];
  };
  const { user } = users[0]!;
  const pem = (field: keyof typeof user): string => Buffer.from(user[field], 'base64').toString('utf8');
  const identity = { certificate: pem('client-certificate-data'), key: pem('client-key-data') };
  const proxy = await startFaultProxy(plane.server, { ca: plane.ca, identity });
  const observers = observe();
  const client = ApiClient.fromOptions({ server: proxy.origin, ca: proxy.ca, name: plane.name, ...observers });
  t.after(async () => {
    await client.close();
    proxy.close();
  });
  return { client, proxy, ...observers };
}

function observe(): Omit<Observed, 'client'> {
  const registry = new Registry();
  return { registry, logger: new RecordingLogger(), metrics: new Metrics(registry) };
}

/** A counter's value, summed over its series that have all of these labels. */
export async function counted(
  { registry }: Pick<Observed, 'registry'>,
  name: string,
  labels: Record<string, string> = {},
): Promise<number> {
  const values = (await registry.getSingleMetric(name)?.get())?.values ?? [];
  const wanted = values.filter((one) => Object.entries(labels).every(([key, value]) => one.labels[key] === value));
  return wanted.reduce((sum, { value }) => sum + value, 0);
}
