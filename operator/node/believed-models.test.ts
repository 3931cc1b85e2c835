import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ExecutionProvider } from '@isochrone/latency';
import { makeModel } from '../job/testing/objects.ts';
import { believedModels, modelReferences } from './believed-models.ts';

const sha256 = 'a'.repeat(64);
const references = new Map([[sha256, 8_000_000]]);

function inventory(executionProviders: ExecutionProvider[]) {
  const device = { uuid: 'd', type: 'gpu' as const, productName: 'A device', memory: '8Gi', slots: 1 };
  return { architecture: 'amd64' as const, onnxruntimeVersion: '1', devices: [{ ...device, executionProviders }] };
}

const cases: { name: string; reported: number; executionProviders: ExecutionProvider[]; believed: number }[] = [
  { name: 'the reference itself', reported: 8_000_000, executionProviders: ['CPU'], believed: 8_000_000 },
  { name: 'slower', reported: 900_000_000, executionProviders: ['CPU'], believed: 900_000_000 },
  { name: 'as fast as a device may be', reported: 1_000_000, executionProviders: ['CPU'], believed: 1_000_000 },
  { name: 'faster than it may be', reported: 1, executionProviders: ['CPU'], believed: 1_000_000 },
  { name: 'a GPU may be faster', reported: 1, executionProviders: ['CPU', 'CUDA'], believed: 100_000 },
];
for (const { name, reported, executionProviders, believed } of cases) {
  test(`a measured time counts down to what its class of device bears out: ${name}`, () => {
    const models = [{ sha256, nanosecondsPerRecord: reported }];
    const node = { models, inventory: inventory(executionProviders) };
    assert.deepEqual(believedModels(node, references), [{ sha256, nanosecondsPerRecord: believed }]);
  });
}

test('without an approved reference no time counts, and an unknown model is left out', () => {
  const models = [
    { sha256, nanosecondsPerRecord: 5 },
    { sha256: 'b'.repeat(64), nanosecondsPerRecord: 5 },
  ];
  const unapproved = new Map([[sha256, undefined]]);
  assert.deepEqual(believedModels({ models, inventory: inventory(['CPU']) }, unapproved), [{ sha256 }]);
});

test('references are those of every version', () => {
  const model = makeModel();
  const [version] = model.spec.versions;
  assert.deepEqual([...modelReferences([model])], [[version!.sha256, version!.referenceNanosecondsPerRecord]]);
});
