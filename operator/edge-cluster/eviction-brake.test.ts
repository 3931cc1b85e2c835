import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { EdgeCluster } from '@isochrone/api';
import { formatTime } from '@isochrone/kube';
import { decideBrake, EvictionBrake } from './eviction-brake.ts';

const now = Date.UTC(2030, 0, 1);
const minute = 60_000;

function cluster(reason: string, at = now, deletionTimestamp?: string): EdgeCluster {
  const status = reason === 'LeaseRenewed' ? 'True' : 'Unknown';
  const ready = { type: 'Ready', status, reason, message: '', lastTransitionTime: formatTime(at) } as const;
  return {
    metadata: { name: 'a', ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }) },
    status: { conditions: [ready] },
  } as unknown as EdgeCluster;
}

const of = (reachable: number, away: number): EdgeCluster[] => [
  ...Array.from({ length: reachable }, () => cluster('LeaseRenewed')),
  ...Array.from({ length: away }, (_, index) => cluster('Unreachable', now - index * minute)),
];

const cases: readonly [string, EdgeCluster[], number | undefined][] = [
  ['four of six vanish: it holds until ten minutes after the last', of(2, 4), now + 10 * minute],
  ['all of five vanish', of(0, 5), now + 10 * minute],
  ['three of six: half is no large share', of(3, 3), undefined],
  ['three of four: too few to tell', of(1, 3), undefined],
  ['nobody is away', of(6, 0), undefined],
  ['there are none', [], undefined],
  [
    'those that never came, or were put out, do not count',
    [...of(2, 2), ...Array.from({ length: 4 }, () => cluster('NeverSeen')), cluster('CredentialRevoked')],
    undefined,
  ],
  [
    'one that is deleted is gone, not away',
    [...of(2, 2), ...Array.from({ length: 3 }, () => cluster('Unreachable', now, formatTime(now)))],
    undefined,
  ],
];

describe('the brake of evictions', () => {
  for (const [name, clusters, heldUntil] of cases) {
    test(name, () => assert.equal(decideBrake(clusters).heldUntil, heldUntil));
  }

  test('counts for people', () => {
    const { unreachable, known } = decideBrake([...of(2, 4), cluster('NeverSeen')]);
    assert.deepEqual({ unreachable, known }, { unreachable: 4, known: 6 });
  });

  test('is decided anew when a member changes', () => {
    let members = of(2, 4);
    const handlers: ((change: never) => void)[] = [];
    const brake = new EvictionBrake({
      list: () => members,
      onChange(handler) {
        handlers.push(handler);
        return () => undefined;
      },
    });
    assert.notEqual(brake.current.heldUntil, undefined);
    members = of(6, 0);
    assert.notEqual(brake.current.heldUntil, undefined);
    for (const handler of handlers) handler(undefined as never);
    assert.equal(brake.current.heldUntil, undefined);
  });
});
