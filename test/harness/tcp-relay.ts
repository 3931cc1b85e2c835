import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** What the client sends, and what the server answers. */
export type Way = 'requests' | 'answers';

/** Stands between a client and a server, and does to their connections what networks do. Bytes pass as they are. */
export interface TcpRelay {
  readonly port: number;
  /** Connections opened so far. */
  connections(): number;
  /** Resets every connection, and accepts new ones. */
  reset(): void;
  /** Resets every connection, and new ones, until `mend`. */
  cut(): void;
  /** Lets nothing more through on the present connections, which stay open for good: half-open. New ones work. */
  stall(): void;
  /** Lets nothing through that way on any connection, present or new, until `mend`; then what was held flows on. Default: both. */
  blackhole(ways?: readonly Way[]): void;
  mend(): void;
  close(): void;
}

interface Pair {
  readonly sockets: readonly [Socket, Socket];
  stalled: boolean;
}

export async function startTcpRelay(target: { host: string; port: number }): Promise<TcpRelay> {
  const pairs = new Set<Pair>();
  let isCut = false;
  let held: readonly Way[] = [];
  let connections = 0;
  const flow = ({ sockets: [client, upstream], stalled }: Pair): void => {
    client.unpipe();
    upstream.unpipe();
    if (stalled) return;
    if (!held.includes('requests')) client.pipe(upstream);
    if (!held.includes('answers')) upstream.pipe(client);
  };
  const server = createServer((socket) => {
    if (isCut) {
      socket.resetAndDestroy();
      return;
    }
    connections += 1;
    const pair: Pair = { sockets: [socket, connect(target.port, target.host)], stalled: false };
    pairs.add(pair);
    const end = (): void => {
      pairs.delete(pair);
      for (const one of pair.sockets) one.destroy();
    };
    for (const one of pair.sockets) one.on('error', end).on('close', end);
    flow(pair);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const reset = (): void => {
    for (const { sockets } of pairs) for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => connections,
    reset,
    cut() {
      isCut = true;
      reset();
    },
    stall() {
      for (const pair of pairs) {
        pair.stalled = true;
        flow(pair);
      }
    },
    blackhole(ways = ['requests', 'answers']) {
      held = ways;
      for (const pair of pairs) flow(pair);
    },
    mend() {
      isCut = false;
      held = [];
      for (const pair of pairs) flow(pair);
    },
    close() {
      server.close();
      reset();
    },
  };
}
