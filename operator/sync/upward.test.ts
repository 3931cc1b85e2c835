import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { InferenceNode, InferenceTask, InferenceTaskStatus } from '@isochrone/api';
import { grantSeconds } from './contact.ts';
import { observation, removed } from './report.ts';
import { isTerminal, MAX_STATUS_BYTES, statusToPush } from './upward.ts';

const task = (status: InferenceTaskStatus | undefined): InferenceTask =>
  ({ metadata: { name: 't' }, spec: { attempt: 3 }, ...(status === undefined ? {} : { status }) }) as InferenceTask;
const push = (hub: InferenceTaskStatus | undefined, copy: InferenceTaskStatus | undefined) =>
  statusToPush(task(hub), task(copy));
const openings = [{ index: 1, proof: 'AA==' }];

describe('a status on its way up', () => {
  test('that says nothing is not sent', () => assert.equal(push(undefined, undefined), undefined));
  test('carries the attempt of the copy', () => {
    assert.deepEqual(push(undefined, { phase: 'Running' }), {
      status: { phase: 'Running', attempt: 3 },
      isProgress: false,
    });
  });
  test('that the hub knows is not sent', () => {
    assert.equal(push({ phase: 'Running', attempt: 3 }, { phase: 'Running', attempt: 3 }), undefined);
  });
  test('that only progresses can wait', () => {
    const hub = { phase: 'Running', attempt: 3, recordsDone: 1 } as const;
    assert.deepEqual(push(hub, { ...hub, recordsDone: 2 }), { status: { ...hub, recordsDone: 2 }, isProgress: true });
  });
  test('never goes back', () => {
    assert.equal(push({ phase: 'Running', attempt: 3 }, { phase: 'Pending' }), undefined);
    assert.equal(
      push({ phase: 'Running', attempt: 3, recordsDone: 5 }, { phase: 'Running', recordsDone: 2 }),
      undefined,
    );
  });
  test('changes nothing after the end', () => {
    assert.equal(push({ phase: 'Failed', attempt: 3 }, { phase: 'Succeeded', attempt: 3, receipt: 'x' }), undefined);
    assert.equal(
      push({ phase: 'Succeeded', attempt: 3, receipt: 'x' }, { phase: 'Succeeded', receipt: 'y' }),
      undefined,
    );
  });
  test('but answers a challenge', () => {
    const hub = { phase: 'Succeeded', attempt: 3, receipt: 'x' } as const;
    assert.deepEqual(push(hub, { ...hub, receipt: 'y', openings })?.status, { ...hub, openings });
    assert.equal(push({ ...hub, openings }, { ...hub, openings }), undefined);
  });
  test('that is too large becomes a failure of the provider', () => {
    const status = push(undefined, { phase: 'Succeeded', receipt: 'x'.repeat(MAX_STATUS_BYTES) })?.status;
    assert.equal(status?.phase, 'Failed');
    assert.equal(status?.failure?.class, 'Provider');
    assert.match(status?.failure?.message ?? '', /at most 1000000/);
  });
  test('with openings that are too large is not sent', () => {
    const hub = { phase: 'Succeeded', attempt: 3 } as const;
    assert.equal(push(hub, { ...hub, openings: [{ index: 0, proof: 'x'.repeat(MAX_STATUS_BYTES) }] }), undefined);
  });

  const status = fc.record(
    {
      phase: fc.constantFrom('Pending' as const, 'Running' as const, 'Succeeded' as const, 'Failed' as const),
      recordsDone: fc.nat(5),
      openings: fc.constant(openings),
    },
    { requiredKeys: [] },
  );
  test('property: whatever the agent writes in whatever order, the hub ends where it first ended, and settles', () => {
    fc.assert(
      fc.property(fc.array(status, { maxLength: 12 }), (written) => {
        let hub: InferenceTaskStatus = {};
        let ended: string | undefined;
        let done = 0;
        for (const copy of written) {
          hub = push(hub, copy)?.status ?? hub;
          if (ended !== undefined) assert.equal(hub.phase, ended);
          if (isTerminal(hub)) ended ??= hub.phase;
          assert.ok((hub.recordsDone ?? 0) >= done);
          done = hub.recordsDone ?? 0;
          assert.equal(push(hub, copy), undefined, 'the same again changes nothing');
        }
      }),
    );
  });
});

describe('a grant', () => {
  const sent = { wall: 1000, monotonic: 500 };
  const cases: [string, { wall: number; monotonic: number }, number][] = [
    ['at once is the whole term', sent, 40],
    ['is what remains, rounded down', { wall: 2001, monotonic: 1501 }, 38],
    ['counts the time of a suspended machine', { wall: 31_000, monotonic: 600 }, 10],
    ['does not grow when the wall clock goes back', { wall: 0, monotonic: 10_500 }, 30],
    ['is never negative', { wall: 99_000, monotonic: 99_000 }, 0],
  ];
  for (const [name, now, expected] of cases) test(name, () => assert.equal(grantSeconds(sent, now, 40), expected));
});

describe('a report', () => {
  const node = {
    spec: { publicKey: 'k', inventory: { devices: [] }, ask: {}, providerName: 'forged', clusterName: 'forged' },
    status: {
      runningTasks: 1,
      conditions: [{ type: 'Ready', status: 'True', reason: 'AgentReady', message: 'm'.repeat(2000) }],
    },
  } as unknown as InferenceNode;
  test('carries what the agent claims, and no more', () => {
    const report = observation(node, 'Alive');
    assert.deepEqual(Object.keys(report).sort(), [
      'ask',
      'inventory',
      'publicKey',
      'ready',
      'readyMessage',
      'readyReason',
      'runningTasks',
    ]);
    assert.equal(report.ready, true);
    assert.equal(report.readyMessage?.length, 1024);
  });
  const states = [
    ['Alive', true, 'AgentReady'],
    ['Undecided', true, 'AgentReady'],
    ['Lost', false, 'AgentLost'],
    ['NeverSeen', false, 'AgentNeverSeen'],
  ] as const;
  for (const [agent, ready, reason] of states) {
    test(`of an agent that is ${agent}`, () => {
      const report = observation(node, agent);
      assert.deepEqual([report.ready, report.readyReason], [ready, reason]);
    });
  }
  test('of an agent that says nothing', () => {
    assert.equal(observation({ ...node, status: {} }, 'Alive').readyReason, 'AgentStarting');
  });
  test('of a removed node', () => assert.equal(removed(observation(node, 'Alive')).ready, false));
});
