import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { S3Client } from '../../storage/index.ts';

export interface ObjectServer extends AsyncDisposable {
  readonly client: S3Client;
  /** By `/bucket/key`. */
  readonly objects: Map<string, Buffer>;
}

/** Objects in memory behind the few parts of HTTP that reading them needs; a real S3 server is in the API tier. */
export async function startObjectServer(): Promise<ObjectServer> {
  const objects = new Map<string, Buffer>();
  const server = createServer((request, response) => {
    void (async () => {
      const path = decodeURIComponent(new URL(request.url!, 'http://localhost').pathname);
      if (request.method === 'PUT') objects.set(path, await buffer(request));
      const body = objects.get(path);
      if (body === undefined) return response.writeHead(404).end();
      const etag = `"${createHash('md5').update(body).digest('hex')}"`;
      const condition = request.headers['if-match'];
      if (condition !== undefined && condition !== etag) return response.writeHead(412).end();
      const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
      if (range === null) return response.writeHead(200, { etag, 'content-length': body.byteLength }).end(body);
      return response.writeHead(206, { etag }).end(body.subarray(Number(range[1]), Number(range[2]) + 1));
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const credentials = {
    accessKeyId: 'a',
    secretAccessKey: 'b',
    region: 'us-east-1',
    endpoint: `http://127.0.0.1:${port}`,
  };
  return {
    client: new S3Client(credentials, { tries: 1 }),
    objects,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
