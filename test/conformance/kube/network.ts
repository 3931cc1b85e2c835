import { readFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { ApiClient, Metrics } from '@isochrone/kube';
import { RecordingLogger } from '@isochrone/kube/testing';
import type { ControlPlane } from '@isochrone/tools/local';
import { Registry } from 'prom-client';

/** A client in the group system:masters, closed after the test that asks for it. */
export async function adminClient(t: TestContext, plane: ControlPlane): Promise<ApiClient> {
  const client = await ApiClient.fromKubeconfig({ path: plane.adminKubeconfig });
  t.after(() => client.close());
  return client;
}

/** A client of a control plane through a TCP relay of its own, which can be cut without touching anybody else; closed after the test. */
export interface RelayedClient {
  client: ApiClient;
  registry: Registry;
  logger: RecordingLogger;
  metrics: Metrics;
  /** Connections opened so far. */
  connections(): number;
  /** Ends every connection and refuses new ones, until `mend`. */
  cut(): void;
  mend(): void;
  /** Ends every connection, and accepts new ones. */
  reset(): void;
  /** Lets nothing more through on the present connections, which stay open; new ones work. */
  stall(): void;
}

export async function relayedClient(
  t: TestContext,
  plane: ControlPlane,
  kubeconfig = plane.adminKubeconfig,
): Promise<RelayedClient> {
  const target = new URL(plane.server);
  const sockets = new Set<Socket>();
  let isCut = false;
  let connections = 0;
  const server = createServer((socket) => {
    if (isCut) {
      socket.destroy();
      return;
    }
    connections += 1;
    const upstream = connect(Number(target.port), target.hostname);
    for (const [one, other] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const reset = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const registry = new Registry();
  const logger = new RecordingLogger();
  const metrics = new Metrics(registry);
  const text = (await readFile(kubeconfig, 'utf8')).replace(
    plane.server,
    `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
  );
  const client = await ApiClient.fromKubeconfig({ text, name: plane.name, logger, metrics });
  t.after(async () => {
    await client.close();
    reset();
    server.close();
  });
  return {
    client,
    registry,
    logger,
    metrics,
    connections: () => connections,
    cut() {
      isCut = true;
      reset();
    },
    mend() {
      isCut = false;
    },
    reset,
    stall() {
      for (const socket of sockets) socket.unpipe();
    },
  };
}
