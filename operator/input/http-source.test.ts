import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, describe, test } from 'node:test';
import { defaultHTTPSourceOptions, readHTTP } from './http-source.ts';
import { allowedSources } from './public-address.ts';

let handler: (request: IncomingMessage, response: ServerResponse) => void;
const seen: (string | undefined)[] = [];
const server = createServer((request, response) => {
  seen.push(request.headers.range);
  handler(request, response);
}).listen(0, '127.0.0.1');
await once(server, 'listening');
after(() => {
  server.closeAllConnections();
  server.close();
});
const { port } = server.address() as AddressInfo;
const uri = `http://127.0.0.1:${port}/x.npy`;
const options = { ...defaultHTTPSourceOptions, backoffMilliseconds: 1 };
const whole = Buffer.from('0123456789');

async function read(from = uri, entries: readonly string[] = ['127.0.0.1']): Promise<string> {
  seen.length = 0;
  const parts: Uint8Array[] = [];
  const stop = AbortSignal.timeout(10_000);
  for await (const part of readHTTP(from, { ...options, allowed: allowedSources(entries) }, stop)) parts.push(part);
  return Buffer.concat(parts).toString();
}

/** Breaks off after `bytes` at the first request; then serves ranges as `etag` says. */
function breaking(bytes: number, etag: string | undefined, later = etag): typeof handler {
  let isFirst = true;
  return (request, response) => {
    const headers = { 'accept-ranges': 'bytes', ...(etag === undefined ? {} : { etag: isFirst ? etag : later }) };
    if (isFirst) {
      isFirst = false;
      response.writeHead(200, { ...headers, 'content-length': whole.byteLength });
      response.write(whole.subarray(0, bytes), () => response.destroy());
      return;
    }
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1]);
    if (request.headers['if-range'] !== later) return void response.writeHead(200, headers).end(whole);
    response.writeHead(206, { ...headers, 'content-range': `bytes ${start}-9/10` }).end(whole.subarray(start));
  };
}

describe('an http input', () => {
  test('is read as a whole', async () => {
    handler = (_request, response) => void response.end(whole);
    assert.equal(await read(), '0123456789');
  });

  test('goes on where a connection broke', async () => {
    handler = breaking(4, '"a"');
    assert.equal(await read(), '0123456789');
    assert.deepEqual(seen, [undefined, 'bytes=4-']);
  });

  test('that changed meanwhile is refused', async () => {
    handler = breaking(4, '"a"', '"b"');
    await assert.rejects(read(), { code: 'STORAGE_PRECONDITION', message: /changed while it was read/ });
  });

  test('without a strong entity tag is not put together from two reads', async () => {
    handler = breaking(4, 'W/"a"');
    await assert.rejects(read(), { code: 'STORAGE_UNAVAILABLE' });
    assert.equal(seen.length, 1);
  });

  for (const [status, code] of [
    [404, 'STORAGE_NOT_FOUND'],
    [403, 'STORAGE_ACCESS_DENIED'],
    [418, 'STORAGE_REFUSED'],
    [206, 'STORAGE_REFUSED'],
    [304, 'STORAGE_REFUSED'],
    [503, 'STORAGE_UNAVAILABLE'],
  ] as const)
    test(`${status} is ${code}`, async () => {
      handler = (_request, response) => void response.writeHead(status).end();
      await assert.rejects(read(), { code });
      assert.equal(seen.length, status === 503 ? options.tries : 1);
    });

  test('follows redirections, but not for ever', async () => {
    handler = (request, response) =>
      request.url === '/x.npy' ? void response.writeHead(302, { location: '/y' }).end() : void response.end(whole);
    assert.equal(await read(), '0123456789');
    handler = (_request, response) => void response.writeHead(302, { location: '/x.npy' }).end();
    await assert.rejects(read(), { code: 'STORAGE_REFUSED', message: /redirections/ });
    handler = (_request, response) => void response.writeHead(302, { location: 'file:///etc/passwd' }).end();
    await assert.rejects(read(), { code: 'STORAGE_REFUSED', message: /not followed/ });
  });

  test('tells nobody where a redirection that is not followed leads', async () => {
    handler = (_request, response) =>
      void response.writeHead(302, { location: 'http://me:secret@host/?sig=secret' }).end();
    await assert.rejects(read(), ({ message }: Error) => /not followed/.test(message) && !message.includes('secret'));
  });

  test('with a user in its address is refused, and the password is not told', async () => {
    await assert.rejects(read(`http://me:secret@127.0.0.1:${port}/`), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'STORAGE_ADDRESS_INVALID');
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
    assert.equal(seen.length, 0);
  });

  test('that is no URL is refused', async () => {
    await assert.rejects(read('http://[/x'), { code: 'STORAGE_ADDRESS_INVALID' });
  });

  test('whose end is the end of the connection is refused: a cut one would pass for whole', async () => {
    handler = (_request, response) => {
      response.removeHeader('transfer-encoding');
      response.useChunkedEncodingByDefault = false;
      response.write(whole);
      response.end();
    };
    await assert.rejects(read(), { code: 'STORAGE_REFUSED', message: /Content-Length/ });
  });

  test('that is sent packed unasked is refused, but for a file that is packed itself', async () => {
    handler = (_request, response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end(whole);
    await assert.rejects(read(), { code: 'STORAGE_REFUSED', message: /Content-Encoding gzip/ });
    assert.equal(await read(`http://127.0.0.1:${port}/x.npy.gz`), '0123456789');
  });

  test('of a server that falls silent is given up', async () => {
    handler = (_request, response) => void response.writeHead(200, { 'content-length': 10 }).write('0');
    const silent = { ...options, tries: 1, stallMilliseconds: 50, allowed: allowedSources(['127.0.0.1']) };
    const chunks = readHTTP(uri, silent, AbortSignal.timeout(10_000));
    const all = async (): Promise<void> => {
      while ((await chunks.next()).done !== true);
    };
    await assert.rejects(all(), { code: 'STORAGE_UNAVAILABLE' });
  });

  test('in the network of the hub is not read unless the administrator lists it', async () => {
    handler = (_request, response) => void response.end(whole);
    for (const host of ['127.0.0.1', 'localhost', '0x7f.1', '2130706433', '[::ffff:127.0.0.1]', '[::1]'])
      await assert.rejects(
        read(`http://${host}:${port}/`, []),
        { code: 'STORAGE_REFUSED', message: /--input-hosts/ },
        host,
      );
    assert.equal(seen.length, 0);
    for (const entry of ['127.0.0.1', `localhost:${port}`, '127.0.0.0/8'])
      assert.equal(
        await read(entry.startsWith('localhost') ? `http://localhost:${port}/` : uri, [entry]),
        '0123456789',
      );
  });

  test('that leads into the network of the hub is not followed there', async () => {
    handler = (_request, response) =>
      void response.writeHead(302, { location: 'http://169.254.169.254/latest/' }).end();
    await assert.rejects(read(), { code: 'STORAGE_REFUSED', message: /169\.254\.169\.254, which is not public/ });
    handler = (_request, response) => void response.writeHead(302, { location: `http://localhost:${port}/` }).end();
    await assert.rejects(read(uri, [`127.0.0.1:${port}`]), { message: /localhost.*not public/ });
    assert.equal(seen.length, 1);
  });
});
