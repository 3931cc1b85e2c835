import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import type { InferenceTaskSpec } from '@isochrone/api';
import { systemClock } from '@isochrone/kube';
import { TaskFailure } from '../errors.ts';
import {
  doublingModel,
  identityModel,
  mixedModel,
  normalisingModel,
  randomModel,
  requantisingModel,
  transposingModel,
} from '../testing/models.ts';
import { testPool } from '../testing/test-pool.ts';
import { admitModel, type ModelReport } from './model-admission.ts';

const folder = await mkdtemp(join(tmpdir(), 'admission-'));
after(() => rm(folder, { recursive: true }));
const pool = testPool();

async function admit(bytes: Uint8Array, options: Partial<InferenceTaskSpec['model']> = {}): Promise<ModelReport> {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const path = join(folder, sha256);
  await writeFile(path, bytes);
  const spec: InferenceTaskSpec = {
    type: 'ModelAdmission',
    workUID: '0',
    attempt: 1,
    nodeName: 'n',
    deviceUUID: 'd',
    executionProvider: 'CPU',
    timeoutSeconds: 60,
    storageSecretName: 's',
    model: {
      sha256,
      sizeBytes: bytes.byteLength,
      numericProfile: 'FP32Strict',
      maxBatchSize: 8,
      deviceMemory: '1Mi',
      ...options,
    },
  };
  return admitModel(
    {
      spec,
      access: { modelURL: 'http://models/', outputs: [], expirationTime: '2100-01-01T00:00:00Z' },
      runtime: {
        deviceUUID: 'd',
        gpuUUID: undefined,
        executionProvider: 'CPU',
        modelSha256: sha256,
        numericProfile: 'FP32Strict',
        cpuThreads: 1,
      },
      context: {
        clock: systemClock,
        random: () => 0,
        signal: new AbortController().signal,
        deadline: systemClock.monotonic() + 30_000,
        expires: Date.now() + 60_000,
      },
    },
    { models: { acquire: async () => ({ path, release: () => undefined }) }, pool },
  );
}

describe('the admission of a model', () => {
  for (const [name, bytes, options] of [
    ['each record by itself', doublingModel('FP32', ['n', 4])],
    ['records in a batch that it fixes', doublingModel('FP32', [4, 4])],
    ['records of half precision', doublingModel('FP16', ['n', 4])],
    ['integers', identityModel('INT64', ['n', 2])],
    ['strings', identityModel('BYTES', ['n', 2])],
    ['several tensors of several types', mixedModel()],
    ['one after the other what it would mix in a batch', requantisingModel(['n', 16]), { maxBatchSize: 1 }],
    [
      'what it mixes less than its tolerance',
      requantisingModel(['n', 16]),
      { tolerance: { relativeL2: '5e-1', absolute: '1', relative: '9e-1' } },
    ],
  ] as const) {
    test(`takes one that computes ${name}`, async () => {
      assert.ok((await admit(bytes, options)).nanosecondsPerRecord! > 0);
    });
  }

  for (const [name, declared, recordShape, told] of [
    ['as it is declared', ['n', 4], [4], [-1, 4]],
    ['open where it is', ['n', 'w'], [4], [-1, -1]],
    ['open where the file states another size', ['n', 2], [4], [-1, -1]],
  ] as const) {
    test(`tells the shape of the output ${name}`, async () => {
      const { outputs } = await admit(identityModel('FP32', ['n', 'w'], declared), {
        recordShapes: [{ shape: [...recordShape] }],
      });
      assert.deepEqual(outputs?.[0]?.shape, told);
    });
  }

  test('measures with the one shape that it is told', async () => {
    const { inputs } = await admit(identityModel('FP32', ['n', 'w']), { recordShape: [4] });
    assert.deepEqual(inputs?.[0]?.shape, [-1, -1]);
  });

  for (const [name, reason, message, bytes, options] of [
    [
      'scales by the largest value of its batch',
      'OutputDependsOnBatch',
      /add a version of the model with maxBatchSize 1/,
      requantisingModel(['n', 16]),
    ],
    [
      'scales so, though its tolerance is wide',
      'OutputDependsOnBatch',
      /add a version of the model with maxBatchSize 1/,
      requantisingModel(['n', 16]),
      { numericProfile: 'FP32' },
    ],
    [
      'weighs the records of a batch against each other',
      'OutputDependsOnBatch',
      /add a version of the model with maxBatchSize 1/,
      normalisingModel(['n', 4]),
    ],
    [
      'mixes a batch that it fixes',
      'OutputDependsOnBatch',
      /export the model with a dynamic first axis/,
      normalisingModel([4, 4]),
    ],
    ['throws dice', 'NotDeterministic', /random operators/, randomModel(['n', 4])],
    ['throws dice for one record', 'NotDeterministic', /random operators/, randomModel(['n', 4]), { maxBatchSize: 1 }],
    [
      'has the records as its last axis, as many as the first by chance',
      'UnsupportedTensor',
      /first axis/,
      transposingModel(8),
    ],
    [
      'fixes a batch that no memory holds',
      'UnsupportedTensor',
      /first axis of size 2147483648/,
      identityModel('FP32', [2 ** 31, 4]),
    ],
    [
      'has records that no memory holds',
      'UnsupportedTensor',
      /more than 134217728 bytes/,
      identityModel('FP32', ['n', 2 ** 26]),
    ],
    [
      'is to be measured with such records',
      'NeedsRecordShape',
      /recordShape "x" \[1000000000, 1000000000\] has more than/,
      identityModel('FP32', ['n', 'a', 'b']),
      { recordShapes: [{ shape: [1e9, 1e9] as number[] }] as { shape: number[] }[] },
    ],
  ] as const) {
    test(`refuses one that ${name}: ${reason}`, async () => {
      await assert.rejects(admit(bytes, options), (error: unknown) => {
        assert.ok(error instanceof TaskFailure, String(error));
        assert.equal(error.reason, reason, error.message);
        assert.match(error.message, message);
        return true;
      });
    });
  }
});
