import { connect, createServer } from 'node:net';
import { randomInt } from 'node:crypto';

/**
 * A loopback port nobody listens on. Taken from below the kernel's ephemeral range: a server that is restarted needs its
 * port back, and must not find it lent to some outgoing connection meanwhile. Two callers may still draw the same one;
 * the server's own bind decides, so start it with a retry.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_000);
    if (await isFree(port)) return port;
  }
}

/** Whether a server could listen on the loopback port now. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(false) : reject(error),
    );
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** Whether someone accepts connections on a Unix socket; its file alone may be a dead server's. */
export function acceptsConnections(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(socket);
    connection.once('error', () => resolve(false));
    connection.once('connect', () => {
      connection.destroy();
      resolve(true);
    });
  });
}
