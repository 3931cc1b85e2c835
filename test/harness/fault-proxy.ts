import { once } from 'node:events';
import { createServer, request as sendPlain, Agent, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer, request as sendSecure, Agent as SecureAgent } from 'node:https';
import type { AddressInfo } from 'node:net';
import { pipeline, type Duplex } from 'node:stream';
import { CertificateAuthority, type Identity } from '@isochrone/tools/local';
import { startTcpRelay, type TcpRelay } from './tcp-relay.ts';

/** Answers itself and returns true, or returns false to let the server answer. */
export type Fault = (request: IncomingMessage, response: ServerResponse) => boolean;

/**
 * Stands between a client and an HTTP server: faults of requests here, faults of connections by the relay it has. TLS ends
 * here, so that answers can be changed; a client certificate gets no further, and the proxy shows its own.
 */
export interface FaultProxy extends Omit<TcpRelay, 'port'> {
  /** Where clients find it. */
  readonly origin: string;
  /** Certificate authority of an https origin, PEM. */
  readonly ca: string;
  /** A URL of the server as it is reached through the proxy. */
  through(url: string): string;
  /** Asked for every request, until it says that it has had its day. */
  fault: Fault;
  /** Through what the answer's body goes to the client; undefined leaves it. */
  alter: (request: IncomingMessage) => Duplex | undefined;
  /** After the server answered a request: true loses the answer. */
  loseAnswer: (request: IncomingMessage) => boolean;
}

export interface FaultProxyOptions {
  /** Of an https server, PEM. */
  readonly ca?: string;
  /** Client certificate that the proxy shows an https server. */
  readonly identity?: Identity;
}

/** The Host header stays the server's: in a presigned URL it is signed. Close it after the tests. */
export async function startFaultProxy(endpoint: string, { ca, identity }: FaultProxyOptions = {}): Promise<FaultProxy> {
  const target = new URL(endpoint);
  const secure = target.protocol === 'https:';
  const authority = new CertificateAuthority('fault-proxy-ca');
  const agent = secure
    ? new SecureAgent({ keepAlive: true, ca, cert: identity?.certificate, key: identity?.key })
    : new Agent({ keepAlive: true });
  const answer = (incoming: IncomingMessage, response: ServerResponse): void => {
    if (proxy.fault(incoming, response)) return;
    const outgoing = (secure ? sendSecure : sendPlain)(
      {
        agent,
        host: target.hostname,
        port: target.port,
        method: incoming.method,
        path: incoming.url,
        headers: { ...incoming.headers, host: target.host },
      },
      (answered) => {
        if (proxy.loseAnswer(incoming)) {
          answered.resume().once('end', () => incoming.socket.destroy());
          return;
        }
        const alteration = proxy.alter(incoming);
        const { 'content-length': length, ...headers } = answered.headers;
        response.writeHead(
          answered.statusCode!,
          alteration === undefined && length !== undefined ? { ...headers, 'content-length': length } : headers,
        );
        const ended = (error: unknown): void => {
          if (error) response.destroy();
        };
        if (alteration === undefined) pipeline(answered, response, ended);
        else pipeline(answered, alteration, response, ended);
      },
    );
    outgoing.once('error', () => response.destroy());
    response.once('close', () => outgoing.destroy());
    incoming.pipe(outgoing);
  };
  const { certificate: cert, key } = authority.issueServer('fault-proxy', ['127.0.0.1']);
  const server = secure ? createSecureServer({ cert, key }, answer) : createServer(answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port, ...relay } = await startTcpRelay({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
  const origin = `${target.protocol}//127.0.0.1:${port}`;
  const proxy: FaultProxy = {
    ...relay,
    origin,
    ca: authority.certificate,
    through: (url) => url.replace(endpoint, origin),
    fault: () => false,
    alter: () => undefined,
    loseAnswer: () => false,
    close() {
      relay.close();
      server.closeAllConnections();
      server.close();
      agent.destroy();
    },
  };
  return proxy;
}
