import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, test } from 'node:test';
import { Registry } from 'prom-client';
import type { InferenceTaskSpec } from '@isochrone/api';
import { systemClock } from '@isochrone/kube';
import { createTensor, encodeNpy } from '@isochrone/tensor';
import { leafHash, merkleRoot, parseReceipt, recordDigest } from '@isochrone/verification';
import { agentMetrics } from '../metrics.ts';
import { ModelStore } from '../models/model-store.ts';
import { openStateDatabase } from '../state-directory.ts';
import { doublingModel } from '../testing/models.ts';
import { startSidecar } from '../testing/sidecar.ts';
import { testPool } from '../testing/test-pool.ts';
import { runBatch, type BatchParts } from './batch-run.ts';
import { Journal, journalSchema } from './journal.ts';

const folder = await mkdtemp(join(tmpdir(), 'earlier-'));
after(() => rm(folder, { recursive: true, force: true }));
const model = doublingModel('FP32', ['n', 2]);
const modelSha256 = createHash('sha256').update(model).digest('hex');
const floats = (...values: number[]): Buffer => Buffer.from(Float32Array.from(values).buffer);
const [input, output] = [floats(1, 2), floats(2, 4)];
const stored = new Map<string, Buffer>();

/** Holds the model and an input of one record, and takes outputs. */
const storage = createServer((request, response) => {
  if (request.method === 'PUT') {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      stored.set(request.url!, Buffer.concat(chunks));
      response.writeHead(200).end();
    });
    return;
  }
  if (request.url === '/model') return void response.end(model);
  response.writeHead(206).end(input);
}).listen(0, '127.0.0.1');
await once(storage, 'listening');
after(() => {
  storage.closeAllConnections();
  storage.close();
});
const url = `http://127.0.0.1:${(storage.address() as AddressInfo).port}`;

/** As hubs tell it that know inputs of one tensor only. */
const earlierInput: InferenceTaskSpec['input'] = { etag: 'e', dataOffset: 0, dataType: 'FP32', recordShape: [2] };

describe('work that programs of the first versions began', async () => {
  const sidecar = await startSidecar();
  const database = openStateDatabase(folder, 'agent.db', journalSchema);
  after(async () => {
    database.close();
    await sidecar[Symbol.asyncDispose]();
  });
  const journal = new Journal(database);
  const parts: Omit<BatchParts, 'verifier'> = {
    journal,
    models: await ModelStore.open({
      directory: join(folder, 'models'),
      quotaBytes: 1e6,
      now: Date.now,
      onEvent: () => undefined,
    }),
    pool: testPool(),
    metrics: agentMetrics(new Registry()),
  };
  let workUID: string;
  const directory = (): string => join(folder, workUID);
  const run = ({ client: verifier } = sidecar) =>
    runBatch(
      {
        spec: {
          type: 'Batch',
          workUID,
          attempt: 1,
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
          input: earlierInput,
          shards: [{ index: 0, firstRecord: 0, records: 1 }],
        },
        access: {
          modelURL: `${url}/model`,
          inputURL: `${url}/input`,
          outputs: [{ shardIndex: 0, url: `${url}/${workUID}`, headers: {} }],
          expirationTime: '2100-01-01T00:00:00Z',
        },
        state: journal.begin({ workUID, attempt: 1 }, 0),
        runtime: {
          deviceUUID: 'd',
          gpuUUID: undefined,
          executionProvider: 'CPU',
          modelSha256,
          numericProfile: 'FP32Strict',
          cpuThreads: 1,
        },
        runtimeClass: 'cpu',
        directory: directory(),
        context: {
          clock: systemClock,
          random: () => 0,
          signal: AbortSignal.timeout(20_000),
          deadline: systemClock.monotonic() + 20_000,
          expires: Date.now() + 60_000,
        },
        onProgress: () => undefined,
        onMeasured: () => undefined,
      },
      { ...parts, verifier },
    );
  /** What the hub expects: tensors have the names that the model gives them. */
  const assertSigned = (receipt: Uint8Array): void => {
    const { root, nodeKey } = parseReceipt(JSON.parse(Buffer.from(receipt).toString('utf8'))).receipt;
    const leaf = leafHash({
      jobUID: workUID,
      shardIndex: 0,
      attempt: 1,
      record: 0,
      nodeKey,
      inputDigest: recordDigest([{ name: 'x', tensor: createTensor('FP32', [2], input) }]),
      modelDigest: Buffer.from(modelSha256, 'hex'),
      numericProfile: 'FP32Strict',
      outputDigest: recordDigest([{ name: 'y', tensor: createTensor('FP32', [2], output) }]),
    });
    assert.equal(Buffer.from(root).toString('hex'), Buffer.from(merkleRoot([leaf])).toString('hex'));
  };
  beforeEach(() => {
    workUID = randomUUID();
  });

  test('a task that names no tensor is run and signed by the names of the model', async () => {
    const { receipt } = await run();
    assertSigned(receipt);
    assert.deepEqual(stored.get(`/${workUID}`)?.subarray(-output.byteLength), output);
  });

  test('so is one that the agent had computed, and not signed, when it was replaced', async () => {
    const file = Buffer.from(encodeNpy(createTensor('FP32', [1, 2], output)));
    await mkdir(directory());
    await writeFile(join(directory(), '0.npy'), file);
    journal.begin({ workUID, attempt: 1 }, 0);
    const sha256 = createHash('sha256').update(file).digest('hex');
    const computed = {
      inputName: 'x',
      outputName: 'y',
      format: { dataType: 'FP32', shape: [2] },
      outputs: [{ shardIndex: 0, records: 1, sha256, sizeBytes: file.byteLength }],
    };
    database.prepare('UPDATE attempts SET computed = ? WHERE work_uid = ?').run(JSON.stringify(computed), workUID);
    const { receipt } = await run();
    assertSigned(receipt);
    assert.deepEqual(stored.get(`/${workUID}`), file);
  });

  test('one that was computed from such a task is signed after the agent was replaced', async () => {
    await run();
    // As the agent leaves it that is killed between computing and signing; the sidecar has not seen it either.
    database.prepare('UPDATE attempts SET receipt = NULL WHERE work_uid = ?').run(workUID);
    await using other = await startSidecar();
    const { receipt } = await run(other);
    assertSigned(receipt);
  });
});
