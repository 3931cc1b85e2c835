import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Provider } from '@isochrone/api';
import { findCondition } from '@isochrone/kube';
import { providerStatus } from './reconcile.ts';

for (const [suspended, status, reason] of [
  [false, 'True', 'Active'],
  [true, 'False', 'Suspended'],
] as const) {
  test(`a provider that is ${reason}`, () => {
    const provider = { metadata: { name: 'p', generation: 4 }, spec: { displayName: 'P', suspended } } as Provider;
    const result = providerStatus(provider, 1_234_500n, Date.UTC(2030, 0, 1));
    const active = findCondition(result.conditions, 'Active');
    assert.deepEqual([active?.status, active?.reason, active?.observedGeneration], [status, reason, 4]);
    assert.equal(result.balance, '1.2345');
    assert.equal(result.observedGeneration, 4);
  });
}
