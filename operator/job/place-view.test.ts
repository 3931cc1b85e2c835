import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { EdgeCluster, InferenceNode } from '@isochrone/api';
import type { Condition } from '@isochrone/kube';
import type { Brake } from '../edge-cluster/eviction-brake.ts';
import { placeView } from './place-view.ts';

const at = '2030-01-01T00:00:00Z';
const held: Brake = { unreachable: 4, known: 6, heldUntil: Date.parse(at) + 600_000 };
const free: Brake = { ...held, heldUntil: undefined };

function view(ready: Partial<Condition> | undefined, brake: Brake) {
  const conditions = ready === undefined ? [] : [{ type: 'Ready', message: '', lastTransitionTime: at, ...ready }];
  const cluster = { metadata: { name: 'a' }, status: { conditions } } as unknown as EdgeCluster;
  const clusters = { get: () => (ready === undefined ? undefined : cluster) };
  return placeView(clusters, { get: (): InferenceNode | undefined => undefined }, brake, 'a', 'node');
}

describe('work of a member is held', () => {
  const away = { status: 'Unknown', reason: 'Unreachable' } as const;
  test('when it is unreachable with most others', () =>
    assert.equal(view(away, held).evictionHeldUntil, held.heldUntil));
  test('but not when it alone is', () => assert.equal(view(away, free).evictionHeldUntil, undefined));
  test('nor when it is heard', () =>
    assert.equal(view({ status: 'True', reason: 'LeaseRenewed' }, held).evictionHeldUntil, undefined));
  test('nor when it was put out', () => {
    assert.equal(view({ status: 'False', reason: 'CredentialRevoked' }, held).evictionHeldUntil, undefined);
    assert.equal(view(undefined, held).evictionHeldUntil, undefined);
  });
});
