import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { TaskRequest__Output } from '@isochrone/api/proto/isochrone/v1alpha1/TaskRequest';
import { MOST_TASKS, validateRequest } from './validate-request.ts';

const good: TaskRequest__Output = {
  workUid: '0b8e0c2e-6e7f-4c39-9a0e-3b1b1f0f7d11',
  attempt: 1,
  records: 256,
  inputBytes: 1000,
  model: { sha256: 'a'.repeat(64), sizeBytes: 1000, referenceNanosecondsPerRecord: 1000 },
  executionProviders: ['CUDA', 'CPU'],
  deviceMemory: 2 ** 30,
  minCudaComputeCapability: 0,
  allowedCountries: [],
  maxPrice: 0,
  strategy: 'BALANCED',
  origin: null,
  excludedProviders: [],
  excludedClusters: [],
  excludedNodes: [],
  trusted: false,
};

test('a good request comes through, preferences without repetition', () => {
  const [request] = validateRequest({ tasks: [{ ...good, executionProviders: ['CUDA', 'CPU', 'CUDA'] }] });
  assert.deepEqual({ ...request, origin: null }, good);
  assert.ok(!('origin' in request!));
});

describe('origin', () => {
  const origin = { region: '', latitude: 0, longitude: 0, coordinates: false };
  test('a region', () => {
    const [request] = validateRequest({ tasks: [{ ...good, origin: { ...origin, region: 'eu-central' } }] });
    assert.deepEqual(request!.origin, { region: 'eu-central' });
  });
  test('coordinates count before a region', () => {
    const both = { ...origin, region: 'eu-central', coordinates: true };
    const [request] = validateRequest({ tasks: [{ ...good, origin: both }] });
    assert.deepEqual(request!.origin, { location: { x: 1, y: 0, z: 0 } });
  });
});

const origin = { region: '', latitude: 0, longitude: 0, coordinates: true };
const cases: { name: string; change: Partial<TaskRequest__Output>; message: RegExp }[] = [
  { name: 'no work', change: { workUid: '' }, message: /^tasks\[0\]\.work_uid is "";/ },
  { name: 'attempt 0', change: { attempt: 0 }, message: /^tasks\[0\]\.attempt is 0; send an integer of at least 1$/ },
  { name: 'records below 0', change: { records: -1 }, message: /\.records is -1/ },
  { name: 'more than a double counts', change: { inputBytes: 2 ** 60 }, message: /\.input_bytes is 1152921504606847/ },
  { name: 'no memory', change: { deviceMemory: 0 }, message: /\.device_memory is 0/ },
  { name: 'no model', change: { model: null }, message: /\.model is null/ },
  {
    name: 'a bad digest',
    change: { model: { ...good.model!, sha256: 'A' } },
    message: /\.model\.sha256 is "A"; send 64/,
  },
  { name: 'an empty model', change: { model: { ...good.model!, sizeBytes: 0 } }, message: /\.model\.size_bytes is 0/ },
  { name: 'no execution provider', change: { executionProviders: [] }, message: /name at least one of CPU, CUDA/ },
  {
    name: 'an unknown execution provider',
    change: { executionProviders: ['CUDA', 'ROCm'] },
    message: /\.execution_providers\[1\] is "ROCm"; send one of CPU, CUDA, TensorRT, WebGPU$/,
  },
  { name: 'a negative cap', change: { maxPrice: -1 }, message: /\.max_price is -1/ },
  {
    name: 'a country by name',
    change: { allowedCountries: ['DE', 'France'] },
    message: /countries is "France"; send an ISO/,
  },
  {
    name: 'a node without its cluster',
    change: { excludedNodes: ['n'] },
    message: /excluded_nodes is "n"; send cluster/,
  },
  {
    name: 'a strategy of the future',
    change: { strategy: 7 as never },
    message: /\.strategy is 7; send one of BALANCED/,
  },
  { name: 'an empty origin', change: { origin: { ...origin, coordinates: false } }, message: /\.origin\.region is ""/ },
  { name: 'beyond the pole', change: { origin: { ...origin, latitude: 91 } }, message: /\.origin\.latitude is 91/ },
  { name: 'no number', change: { origin: { ...origin, longitude: NaN } }, message: /\.origin\.longitude is NaN/ },
];

for (const { name, change, message } of cases) {
  test(name, () => {
    assert.throws(() => validateRequest({ tasks: [{ ...good, ...change }] }), { code: 'ARGUMENT_INVALID', message });
  });
}

test('the task that is wrong is named, a long value is cut', () => {
  const bad = { ...good, workUid: 'x'.repeat(10_000) };
  assert.throws(
    () => validateRequest({ tasks: [good, bad] }),
    (error: Error) => error.message.startsWith('tasks[1].work_uid') && error.message.length < 300,
  );
});

for (const count of [0, MOST_TASKS + 1]) {
  test(`${count} tasks`, () => {
    const tasks = Array.from({ length: count }, () => good);
    assert.throws(() => validateRequest({ tasks }), { message: new RegExp(`^tasks is "${count} tasks"; send 1 to`) });
  });
}
