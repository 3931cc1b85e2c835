import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describedLayout, describeLayout, layoutOf } from '@isochrone/tensor';
import { admissionTask } from '../model/admission-task.ts';
import { buildManifest } from './manifest.ts';
import { inputLayout, resolveModel } from './model-check.ts';
import type { AdmittedInput } from './observed.ts';
import { defaultJobOptions } from './options.ts';
import { buildTask } from './task-objects.ts';
import { taskRequest } from './task-request.ts';
import { makeJob, makeModel } from './testing/objects.ts';
import { admitted, makeAttempt } from './testing/observe.ts';

/** As an operator admitted it that knew inputs of one tensor only. */
const earlier: AdmittedInput = {
  etag: '"e"',
  sizeBytes: 1,
  records: 100,
  dataOffset: 128,
  dataType: 'FP32',
  recordShape: [4],
};
const resolved = resolveModel(makeJob(), makeModel());
assert.ok('model' in resolved);
const { model } = resolved;
const jobOf = (input: AdmittedInput) => makeJob({}, { input });

const taskOf = (input: AdmittedInput) =>
  buildTask(
    jobOf(input),
    input,
    model,
    makeAttempt(),
    undefined,
    { workUID: '22222222-2222-4222-8222-222222222222', name: 'task-1' },
    {
      binding: {
        cluster: 'alpha',
        node: 'n1',
        provider: 'acme',
        deviceUuid: 'd',
        executionProvider: 'CPU',
        price: 1,
        predictedMilliseconds: 1,
      },
      composition: 'None',
    },
    defaultJobOptions,
  );

test('a job that an earlier operator admitted goes on: its records lie as they did', () => {
  assert.deepEqual(inputLayout(earlier, model), describedLayout(admitted, ''));
  const demand = { workUID: 'w', attempt: 1, records: 10, affordable: 1n, excludedNodes: [] };
  assert.equal(taskRequest(jobOf(earlier), earlier, model, demand).inputBytes, 160);
});

test('a task of one tensor has no field that members of the first versions refuse, whoever admitted the job', () => {
  const input = { etag: '"e"', dataOffset: 128, dataType: 'FP32', recordShape: [4] };
  assert.deepEqual(taskOf(earlier).spec.input, input);
  assert.deepEqual(taskOf(admitted).spec.input, input);
});

test('a task of more is told by fields', () => {
  const several = describeLayout(
    layoutOf([
      { name: 'x', dataType: 'FP32', shape: [4] },
      { name: 'mask', dataType: 'BOOL', shape: [] },
    ]),
  );
  const { etag, sizeBytes, records, dataOffset } = earlier;
  const input = { etag, sizeBytes, records, dataOffset, ...several };
  assert.deepEqual(taskOf(input).spec.input, { etag, dataOffset, ...several });
});

test('the manifest tells the input as it was admitted, whichever operator writes it', () => {
  const inputIn = (input: AdmittedInput): unknown =>
    (JSON.parse(buildManifest(jobOf(input), [], String).body.toString('utf8')) as { input: unknown }).input;
  const common = { uri: 's3://data/input.npy', etag: '"e"', records: 100 };
  assert.equal(JSON.stringify(inputIn(earlier)), JSON.stringify({ ...common, dataType: 'FP32', recordShape: [4] }));
  assert.deepEqual(inputIn(admitted), { ...common, tensors: [{ name: 'x', dataType: 'FP32', shape: [4] }] });
});

test('the admission of a model is told its shapes as its version tells them', () => {
  const device = { namespace: 'edge-alpha', node: 'n1', deviceUUID: 'd', executionProvider: 'CPU' } as Parameters<
    typeof admissionTask
  >[0]['device'];
  const shapes = [{ recordShape: [3, 320] }, { recordShapes: [{ input: 'x', shape: [3, 320] }] }, {}];
  for (const told of shapes) {
    const version = { ...model.version, ...told };
    const { spec } = admissionTask({ model: makeModel(), version, device, workUID: 'w', attempt: 1, sizeBytes: 1 });
    const { recordShape, recordShapes } = spec.model;
    assert.deepEqual(JSON.parse(JSON.stringify({ recordShape, recordShapes })), told);
  }
});
