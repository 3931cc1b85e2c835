import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Condition } from '@isochrone/api';
import { formatTime } from '@isochrone/kube';
import { trustedAgain } from './trust-node.ts';

const now = Date.UTC(2030, 0, 1);
const lastTransitionTime = '2029-01-01T00:00:00Z';
const ready: Condition = { type: 'Ready', status: 'True', reason: 'AgentReady', message: '', lastTransitionTime };
const quarantined: Condition = {
  ...{ type: 'Trusted', status: 'False', reason: 'Quarantined', message: 'job a/b: row 3', lastTransitionTime },
  observedGeneration: 4,
};

test('trust is given back, and what was proven stays to be read', () => {
  assert.deepEqual(trustedAgain([ready, quarantined], now), [
    ready,
    {
      ...{ type: 'Trusted', status: 'True', reason: 'NoEvidenceAgainst', observedGeneration: 4 },
      message: 'given back by an administrator after: job a/b: row 3',
      lastTransitionTime: formatTime(now),
    },
  ]);
});

test('a message never outgrows what the API takes', () => {
  const long = trustedAgain([{ ...quarantined, message: 'x'.repeat(4096) }], now);
  assert.equal(long?.[0]?.message.length, 4096);
});

const nothingToDo: [what: string, conditions: Condition[]][] = [
  ['a node that was not judged', [ready]],
  ['a node that is trusted', [{ ...quarantined, status: 'True', reason: 'NoEvidenceAgainst' }]],
];
for (const [what, conditions] of nothingToDo) {
  test(`nothing is written for ${what}`, () => assert.equal(trustedAgain(conditions, now), undefined));
}
