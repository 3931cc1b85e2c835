import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Registry } from 'prom-client';
import { systemClock } from '@isochrone/kube';
import { TaskFailure } from '../errors.ts';
import { agentMetrics } from '../metrics.ts';
import { ModelStore } from '../models/model-store.ts';
import { openStateDatabase } from '../state-directory.ts';
import { doublingModel } from '../testing/models.ts';
import { startSidecar } from '../testing/sidecar.ts';
import { testPool } from '../testing/test-pool.ts';
import { runBatch, type BatchAttempt, type BatchParts } from './batch-run.ts';
import { Journal, journalSchema } from './journal.ts';

const folder = await mkdtemp(join(tmpdir(), 'batch-'));
after(() => rm(folder, { recursive: true, force: true }));
const model = doublingModel('FP32', ['n', 2]);
const modelSha256 = createHash('sha256').update(model).digest('hex');
const recordBytes = 8;

/** Holds the model, and an input of which only the first record is there. */
const storage = createServer((request, response) => {
  if (request.url === '/model') return void response.end(model);
  if (!request.headers.range?.startsWith(`bytes=0-`)) return void response.writeHead(404).end();
  response.writeHead(206).end(new Uint8Array(recordBytes));
}).listen(0, '127.0.0.1');
await once(storage, 'listening');
after(() => {
  storage.closeAllConnections();
  storage.close();
});
const url = `http://127.0.0.1:${(storage.address() as AddressInfo).port}`;

function attemptOf(journal: Journal, attempt: number): BatchAttempt {
  const workUID = randomUUID();
  return {
    spec: {
      type: 'Batch',
      workUID,
      attempt,
      nodeName: 'n',
      deviceUUID: 'd',
      executionProvider: 'CPU',
      timeoutSeconds: 60,
      storageSecretName: 's',
      model: {
        sha256: modelSha256,
        sizeBytes: model.byteLength,
        numericProfile: 'FP32Strict',
        maxBatchSize: 1,
        deviceMemory: '1Mi',
      },
      input: {
        etag: 'e',
        dataOffset: 0,
        recordBytes: 8,
        fields: [{ name: 'x', dataType: 'FP32', shape: [2], offset: 0 }],
      },
      shards: [
        { index: 0, firstRecord: 0, records: 1 },
        { index: 1, firstRecord: 1, records: 1 },
      ],
    },
    access: { modelURL: `${url}/model`, inputURL: `${url}/input`, outputs: [], expirationTime: '2100-01-01T00:00:00Z' },
    state: journal.begin({ workUID, attempt }, 0),
    runtime: {
      deviceUUID: 'd',
      gpuUUID: undefined,
      executionProvider: 'CPU',
      modelSha256,
      numericProfile: 'FP32Strict',
      cpuThreads: 1,
    },
    runtimeClass: 'cpu',
    directory: join(folder, String(attempt)),
    context: {
      clock: systemClock,
      random: () => 0,
      signal: AbortSignal.timeout(20_000),
      deadline: systemClock.monotonic() + 20_000,
      expires: Date.now() + 60_000,
    },
    onProgress: () => undefined,
    onMeasured: () => undefined,
  };
}

test('attempts that fail within their window leave the sidecar to those that come after', async () => {
  await using sidecar = await startSidecar();
  using database = openStateDatabase(folder, 'agent.db', journalSchema);
  const journal = new Journal(database);
  const pool = testPool();
  const models = await ModelStore.open({
    directory: join(folder, 'models'),
    quotaBytes: 1e6,
    now: Date.now,
    onEvent: () => undefined,
  });
  const metrics = agentMetrics(new Registry());
  const parts: BatchParts = { journal, models, pool, verifier: sidecar.client, metrics };
  // One more than the streams that the sidecar allows at once.
  for (let attempt = 1; attempt <= 65; attempt += 1) {
    await assert.rejects(
      runBatch(attemptOf(journal, attempt), parts),
      (error: unknown) => error instanceof TaskFailure && error.reason === 'InputNotFound',
    );
  }
  assert.equal((await sidecar.client.identity(5_000)).byteLength, 32);
});
