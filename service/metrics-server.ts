import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import { ServiceError } from './errors.ts';
import type { HealthChecks, HealthReport } from './health.ts';

export interface MetricsServer {
  /** host:port as bound; tells the port when 0 was asked for. */
  readonly address: string;
  close(): Promise<void>;
}

/**
 * Serves `/metrics`, `/healthz` and `/readyz`.
 * @param address host:port; without a host all addresses; port 0 takes a free one
 * @throws ServiceError OPTION_INVALID, ADDRESS_UNAVAILABLE
 */
export async function startMetricsServer(
  address: string,
  registry: Registry,
  health: HealthChecks,
): Promise<MetricsServer> {
  const { host, port } = parseAddress(address);
  const server = createServer((request, response) => {
    answer(request, response, registry, health).catch((error: unknown) => {
      send(response, 500, `${String(error)}\n`);
    });
  });
  server.requestTimeout = 10_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why = cause.code === 'EADDRINUSE' ? 'another process listens there' : (cause.code ?? cause.message);
      reject(
        new ServiceError(
          'ADDRESS_UNAVAILABLE',
          `--metrics-address ${address}: ${why}; stop that process or choose another address (port 0 takes a free one)`,
          { cause },
        ),
      );
    });
    server.listen({ port, ...(host === '' ? {} : { host }) }, resolve);
  });
  server.unref();
  const bound = server.address() as AddressInfo;
  return {
    address: `${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  registry: Registry,
  health: HealthChecks,
): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return send(response, 405, 'only GET\n');
  const path = (request.url ?? '/').split('?', 1)[0];
  switch (path) {
    case '/metrics':
      return send(response, 200, await registry.metrics(), registry.contentType);
    case '/healthz':
    case '/livez':
      // To answer is the check: a process whose event loop stands still does not, and no program knows more of itself.
      return send(response, 200, 'ok\n');
    case '/readyz':
      return sendReport(response, health.isReady());
    default:
      return send(response, 404, 'there are /metrics, /healthz and /readyz\n');
  }
}

function sendReport(response: ServerResponse, { ok, text }: HealthReport): void {
  send(response, ok ? 200 : 503, text);
}

function send(response: ServerResponse, status: number, body: string, type = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) }).end(body);
}

/** Takes `host:port`, `:port` and `[::1]:port`. @throws ServiceError OPTION_INVALID */
export function parseAddress(address: string): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(address);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) {
    throw new ServiceError(
      'OPTION_INVALID',
      `--metrics-address is ${JSON.stringify(address)}; write host:port, such as 127.0.0.1:8080 or :8080`,
    );
  }
  return { host: match[1] ?? match[2] ?? '', port };
}
