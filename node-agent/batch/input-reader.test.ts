import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, describe, test } from 'node:test';
import { systemClock } from '@isochrone/kube';
import { TaskFailure } from '../errors.ts';
import { readRanges } from './input-reader.ts';
import { partsOf } from './plan.ts';

let answer: (response: ServerResponse, first: number, last: number) => void = (response) => response.end();
const server = createServer((request, response) => {
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range!)!;
  response.writeHead(206);
  answer(response, Number(first), Number(last));
}).listen(0, '127.0.0.1');
await once(server, 'listening');
after(() => {
  server.closeAllConnections();
  server.close();
});

async function read(recordBytes: number, records: number): Promise<Buffer> {
  const input = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    etag: 'e',
    dataOffset: 10,
    recordBytes,
  };
  const context = {
    clock: { ...systemClock, sleep: async () => undefined },
    random: () => 0,
    signal: new AbortController().signal,
    deadline: systemClock.monotonic() + 20_000,
    expires: Date.now() + 60_000,
  };
  const parts: Uint8Array[] = [];
  for await (const { rows } of readRanges(input, partsOf({ firstRecord: 0, records }, 2), context)) parts.push(rows);
  return Buffer.concat(parts);
}

describe('the rows of an input', () => {
  const object = Buffer.from(Array.from({ length: 60 }, (_, index) => index));

  test('come in order, however their bytes arrive', async () => {
    answer = (response, first, last) => {
      const bytes = object.subarray(first, last + 1);
      response.write(bytes.subarray(0, 3), () => response.end(bytes.subarray(3)));
    };
    assert.deepEqual(await read(10, 5), object.subarray(10));
  });

  test('are not read ahead when they are large', async () => {
    let [open, most] = [0, 0];
    answer = (response, first, last) => {
      most = Math.max(most, (open += 1));
      response.once('close', () => (open -= 1));
      response.end(Buffer.alloc(last + 1 - first));
    };
    const mebibyte = 1024 * 1024;
    assert.equal((await read(17 * mebibyte, 4)).byteLength, 68 * mebibyte);
    assert.equal(most, 1);
  });

  test('end where they were asked to, though storage sends on and on', async () => {
    answer = (response) => {
      const send = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(1000)));
        if (!response.destroyed) response.once('drain', send);
      };
      send();
    };
    await assert.rejects(
      read(10, 2),
      (error: unknown) => error instanceof TaskFailure && error.reason === 'InputTruncated',
    );
  });
});
