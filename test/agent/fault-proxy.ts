import { once } from 'node:events';
import { createServer, request as send, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after } from 'node:test';

/** Answers itself and returns true, or returns false to let the store answer. */
export type Fault = (request: IncomingMessage, response: ServerResponse) => boolean;

export interface FaultProxy {
  /** A presigned URL of the store as it is reached through the proxy. */
  through(url: string): string;
  /** Tried in order for every request, until it says that it has had its day. */
  fault: Fault;
  /** After the store answered a request: true loses the answer. */
  loseAnswer: (request: IncomingMessage) => boolean;
}

/** Stands between agent and store. The Host header stays the store's: it is signed. */
export async function faultProxy(endpoint: string): Promise<FaultProxy> {
  const store = new URL(endpoint);
  const server = createServer((incoming, response) => {
    if (proxy.fault(incoming, response)) return;
    const options = {
      host: store.hostname,
      port: store.port,
      method: incoming.method,
      path: incoming.url,
      headers: { ...incoming.headers, host: store.host },
    };
    const outgoing = send(options, (answer) => {
      if (proxy.loseAnswer(incoming)) {
        answer.resume().once('end', () => incoming.socket.destroy());
        return;
      }
      response.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(response);
    });
    outgoing.once('error', () => response.destroy());
    incoming.pipe(outgoing);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const proxy: FaultProxy = {
    through: (url) => url.replace(endpoint, origin),
    fault: () => false,
    loseAnswer: () => false,
  };
  return proxy;
}
