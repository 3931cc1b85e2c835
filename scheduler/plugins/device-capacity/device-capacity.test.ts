import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GIB, makeClaims, makeFleet, makeRequest, rejectOf } from '../../testing/fixtures.ts';
import { deviceCapacity } from './device-capacity.ts';

const cases = [
  { name: 'an idle device', used: 0, memory: GIB, reason: undefined },
  { name: 'a free slot', used: 1, memory: GIB, reason: undefined },
  { name: 'no free slot', used: 2, memory: GIB, reason: 'every slot is in use' },
  { name: 'more tasks than slots, which a late task can make', used: 3, memory: GIB, reason: 'every slot is in use' },
  { name: 'exactly the free memory', used: 1, memory: 7 * GIB, reason: undefined },
  { name: 'more than the free memory', used: 1, memory: 8 * GIB, reason: 'free device memory is below 8Gi' },
];

for (const { name, used, memory, reason } of cases) {
  test(name, () => {
    const fleet = makeFleet({ name: 'n', used });
    const plugin = deviceCapacity(makeClaims(fleet));
    assert.equal(rejectOf(plugin, fleet, makeRequest({ deviceMemory: memory }), 'n'), reason);
  });
}

test('reserving deducts, and unreserving gives back once', () => {
  const fleet = makeFleet({ name: 'n', device: { slots: 1 } });
  const plugin = deviceCapacity(makeClaims(fleet));
  const request = makeRequest();
  plugin.unreserve!(request);
  plugin.reserve!(
    {
      ...{ cluster: 'n', node: 'n', provider: 'n', deviceUuid: 'n' },
      ...{ executionProvider: 'CUDA', price: 1, predictedMilliseconds: 1 },
    },
    request,
  );
  assert.equal(rejectOf(plugin, fleet, makeRequest({ attempt: 2 }), 'n'), 'every slot is in use');
  plugin.unreserve!(request);
  plugin.unreserve!(request);
  assert.equal(rejectOf(plugin, fleet, makeRequest({ attempt: 2 }), 'n'), undefined);
});
