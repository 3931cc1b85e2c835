import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { systemClock } from '@isochrone/kube';
import { TaskFailure, type FailureReason } from '../errors.ts';
import type { StorageContext } from '../storage-request.ts';
import type { ModelSource } from './download.ts';
import { ModelStore, type ModelStoreEvent } from './model-store.ts';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;
let handler: Handler = (_request, response) => void response.end();
let requests = 0;
const server = createServer((request, response) => {
  requests += 1;
  handler(request, response);
}).listen(0, '127.0.0.1');
await once(server, 'listening');
after(() => {
  server.closeAllConnections();
  server.close();
});
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/model`;

async function makeStore(
  quotaBytes = 1000,
  directory?: string,
): Promise<{ store: ModelStore; directory: string; events: ModelStoreEvent[] }> {
  const made = directory ?? (await mkdtemp(join(tmpdir(), 'models-')));
  if (directory === undefined) after(() => rm(made, { recursive: true }));
  const events: ModelStoreEvent[] = [];
  let now = 0;
  const store = await ModelStore.open({
    directory: made,
    quotaBytes,
    now: () => (now += 1000),
    onEvent: (event) => events.push(event),
  });
  return { store, directory: made, events };
}

function context(overrides: Partial<StorageContext> = {}): StorageContext {
  return {
    clock: { ...systemClock, sleep: async () => undefined },
    random: () => 0,
    signal: new AbortController().signal,
    deadline: systemClock.monotonic() + 10_000,
    expires: Date.now() + 60_000,
    ...overrides,
  };
}

function sourceOf(bytes: Uint8Array): ModelSource {
  return { sha256: createHash('sha256').update(bytes).digest('hex'), sizeBytes: bytes.byteLength, url };
}

const isReason =
  (reason: FailureReason) =>
  (error: unknown): boolean =>
    error instanceof TaskFailure && error.reason === reason;
const files = (directory: string): Promise<string[]> => readdir(join(directory, 'sha256'));

describe('model store', () => {
  test('downloads once for many who wait, and never again', async () => {
    const { store } = await makeStore();
    const bytes = randomBytes(100);
    requests = 0;
    handler = (_request, response) => void response.end(bytes);
    const handles = await Promise.all(Array.from({ length: 5 }, () => store.acquire(sourceOf(bytes), context())));
    assert.equal(requests, 1);
    assert.deepEqual(await readFile(handles[0]!.path), bytes);
    await store.acquire(sourceOf(bytes), context());
    assert.equal(requests, 1);
    assert.deepEqual(store.verified(), [sourceOf(bytes).sha256]);
  });

  for (const [name, reason, answer] of [
    ['other bytes of the same size', 'ModelDigestMismatch', (response) => response.end(Buffer.alloc(100))],
    ['fewer bytes, as many as announced', 'ModelDigestMismatch', (response) => response.end(Buffer.alloc(99))],
    ['more bytes', 'ModelDigestMismatch', (response) => response.end(Buffer.alloc(101))],
    ['no such object', 'ModelUnavailable', (response) => response.writeHead(404).end()],
    ['access denied', 'StorageUnavailable', (response) => response.writeHead(403).end('<Code>AccessDenied</Code>')],
  ] as readonly (readonly [string, FailureReason, (response: ServerResponse) => void])[]) {
    test(`${name}: ${reason}, and nothing is kept`, async () => {
      const { store, directory } = await makeStore();
      handler = (_request, response) => answer(response);
      await assert.rejects(store.acquire(sourceOf(randomBytes(100)), context()), isReason(reason));
      assert.deepEqual(await files(directory), []);
      assert.deepEqual(store.verified(), []);
    });
  }

  test('access that has ended is told as such', async () => {
    const { store } = await makeStore();
    handler = (_request, response) => void response.writeHead(403).end();
    await assert.rejects(
      store.acquire(sourceOf(randomBytes(9)), context({ expires: Date.now() - 1 })),
      isReason('StorageExpired'),
    );
  });

  test('tries again after errors of the server, a connection that breaks, and a body that is short', async () => {
    const { store } = await makeStore();
    const bytes = randomBytes(100);
    const answers: Handler[] = [
      (_request, response) => void response.writeHead(503).end(),
      (request) => void request.socket.destroy(),
      (_request, response) => {
        // In chunks: its length is not announced.
        response.write(bytes.subarray(0, 50));
        response.end();
      },
      (_request, response) => {
        response.writeHead(200, { 'content-length': 100 });
        response.write(bytes.subarray(0, 10), () => response.destroy());
      },
      (_request, response) => void response.end(bytes),
    ];
    handler = (request, response) => answers.shift()!(request, response);
    const { path } = await store.acquire(sourceOf(bytes), context());
    assert.deepEqual(await readFile(path), bytes);
  });

  test('gives up at the deadline', async () => {
    const { store } = await makeStore();
    handler = (_request, response) => void response.writeHead(503).end();
    await assert.rejects(
      store.acquire(sourceOf(randomBytes(9)), context({ deadline: systemClock.monotonic() })),
      isReason('StorageUnavailable'),
    );
  });

  test('one who stops waiting does not stop the others; the last one does', async () => {
    const { store, directory } = await makeStore();
    const bytes = randomBytes(100);
    const arrived = Promise.withResolvers<ServerResponse>();
    let closed = Promise.withResolvers<undefined>();
    handler = (request, response) => {
      request.socket.once('close', () => closed.resolve(undefined));
      arrived.resolve(response);
    };
    const impatient = new AbortController();
    const first = store.acquire(sourceOf(bytes), context({ signal: impatient.signal }));
    const second = store.acquire(sourceOf(bytes), context());
    const response = await arrived.promise;
    impatient.abort(new Error('enough'));
    await assert.rejects(first, /enough/);
    response.end(bytes);
    assert.deepEqual(await readFile((await second).path), bytes);

    closed = Promise.withResolvers();
    const third = store.acquire(sourceOf(randomBytes(50)), context({ signal: impatient.signal }));
    await assert.rejects(third, /enough/);
    assert.deepEqual(await files(directory), [sourceOf(bytes).sha256]);
  });

  test('a model that is asked for again while its download is given up is downloaded anew', async () => {
    const { store } = await makeStore();
    const bytes = randomBytes(100);
    const arrived = Promise.withResolvers<undefined>();
    handler = () => arrived.resolve(undefined);
    const impatient = new AbortController();
    const first = store.acquire(sourceOf(bytes), context({ signal: impatient.signal }));
    await arrived.promise;
    handler = (_request, response) => void response.end(bytes);
    impatient.abort(new Error('enough'));
    await assert.rejects(first, /enough/);
    const { path } = await store.acquire(sourceOf(bytes), context());
    assert.deepEqual(await readFile(path), bytes);
  });

  test('makes room by what is least lately used, never by what is in use', async () => {
    const { store, directory, events } = await makeStore(250);
    const models = Array.from({ length: 3 }, () => randomBytes(100));
    const acquire = async (bytes: Buffer): ReturnType<ModelStore['acquire']> => {
      handler = (_request, response) => void response.end(bytes);
      return store.acquire(sourceOf(bytes), context());
    };
    const [first, second] = [await acquire(models[0]!), await acquire(models[1]!)];
    await assert.rejects(acquire(models[2]!), isReason('OutOfCapacity'));
    second.release();
    second.release();
    await acquire(models[2]!);
    assert.deepEqual(
      (await files(directory)).sort(),
      [sourceOf(models[0]!).sha256, sourceOf(models[2]!).sha256].sort(),
    );
    assert.deepEqual(
      events.filter(({ type }) => type === 'evicted'),
      [{ type: 'evicted', sha256: sourceOf(models[1]!).sha256 }],
    );
    first.release();
  });

  test('what an earlier process left is used once it is checked; what is corrupt is downloaded again', async () => {
    const [good, bad] = [randomBytes(100), randomBytes(100)];
    const before = await makeStore();
    for (const bytes of [good, bad]) {
      handler = (_request, response) => void response.end(bytes);
      (await before.store.acquire(sourceOf(bytes), context())).release();
    }
    const badPath = join(before.directory, 'sha256', sourceOf(bad).sha256);
    await writeFile(badPath, Buffer.alloc(100));
    await writeFile(`${badPath}.0.tmp`, 'left by a crash');

    const { store, directory, events } = await makeStore(1000, before.directory);
    assert.deepEqual((await files(directory)).sort(), [good, bad].map((bytes) => sourceOf(bytes).sha256).sort());
    assert.deepEqual(store.verified(), []);
    requests = 0;
    await store.acquire(sourceOf(good), context());
    assert.equal(requests, 0);
    const { path } = await store.acquire(sourceOf(bad), context());
    assert.equal(requests, 1);
    assert.deepEqual(await readFile(path), bad);
    assert.deepEqual(
      events.map(({ type }) => type),
      ['changed', 'hit', 'corrupt', 'downloaded', 'changed'],
    );
  });

  test('checks everything that is there, and removes what is corrupt', async () => {
    const bytes = randomBytes(100);
    const before = await makeStore();
    handler = (_request, response) => void response.end(bytes);
    await before.store.acquire(sourceOf(bytes), context());
    await writeFile(join(before.directory, 'sha256', 'a'.repeat(64)), 'x');
    const { store, directory } = await makeStore(1000, before.directory);
    await store.verifyAll(new AbortController().signal);
    assert.deepEqual(store.verified(), [sourceOf(bytes).sha256]);
    assert.deepEqual(await files(directory), [sourceOf(bytes).sha256]);
  });

  test('what the disk does not give is corrupt, and no reason to end', async () => {
    const bytes = randomBytes(100);
    const { sha256 } = sourceOf(bytes);
    const { directory } = await makeStore();
    // A folder cannot be read as a file, whoever tries.
    await mkdir(join(directory, 'sha256', sha256));
    const { store, events } = await makeStore(1000, directory);
    await store.verifyAll(new AbortController().signal);
    assert.deepEqual(store.verified(), []);
    assert.deepEqual(events, [{ type: 'corrupt', sha256 }]);
    handler = (_request, response) => void response.end(bytes);
    const { path } = await store.acquire(sourceOf(bytes), context());
    assert.deepEqual(await readFile(path), bytes);
  });

  test('a file that somebody removed is downloaded again', async () => {
    const { store } = await makeStore();
    const bytes = randomBytes(100);
    handler = (_request, response) => void response.end(bytes);
    const first = await store.acquire(sourceOf(bytes), context());
    first.release();
    await rm(first.path);
    const { path } = await store.acquire(sourceOf(bytes), context());
    assert.deepEqual(await readFile(path), bytes);
    assert.deepEqual(store.verified(), [sourceOf(bytes).sha256]);
  });

  test('a check that is given up at the end is no failure', async () => {
    const { directory } = await makeStore();
    await writeFile(join(directory, 'sha256', 'a'.repeat(64)), Buffer.alloc(100_000_000));
    const { store } = await makeStore(1000, directory);
    const stop = new AbortController();
    const checking = store.verifyAll(stop.signal);
    stop.abort(new Error('the agent is stopping'));
    await checking;
  });
});
