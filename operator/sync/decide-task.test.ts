import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { InferenceTask, InferenceTaskStatus } from '@isochrone/api';
import type { Secret } from '@isochrone/kube';
import { copyOfSecret, copyOfTask, originOf } from './copy.ts';
import { decideSecret, type SecretAction } from './decide-secret.ts';
import { decideTask, type ObservedTask } from './decide-task.ts';

const now = Date.UTC(2030, 0, 1);
const outbox = 3_600_000;

function hubTask(
  status: InferenceTaskStatus = {},
  spec: Partial<InferenceTask['spec']> = {},
  uid = 'uid-1',
): InferenceTask {
  return {
    apiVersion: 'isochrone.dev/v1alpha1',
    kind: 'InferenceTask',
    metadata: { name: 't', namespace: 'edge-a', uid, labels: { 'isochrone.dev/work-uid': 'w' }, finalizers: ['x'] },
    spec: { attempt: 3, storageSecretName: 's', ...spec } as InferenceTask['spec'],
    status,
  };
}
function copyTask(
  status: InferenceTaskStatus = {},
  spec: Partial<InferenceTask['spec']> = {},
  uid = 'uid-1',
): InferenceTask {
  return { ...copyOfTask(hubTask({}, spec, uid), 'isochrone-system'), status };
}
function orphaned(since: string): InferenceTask {
  const copy = copyTask({ phase: 'Succeeded' });
  copy.metadata.annotations = { ...copy.metadata.annotations, 'isochrone.dev/orphaned-time': since };
  return copy;
}
const stranger: InferenceTask = { ...hubTask(), metadata: { name: 't', namespace: 'isochrone-system', uid: 'x' } };
const going = { ...hubTask(), metadata: { ...hubTask().metadata, deletionTimestamp: '2030-01-01T00:00:00Z' } };

const cases: { name: string; observed: Partial<ObservedTask>; expected: string[]; wait?: number }[] = [
  { name: 'nothing anywhere', observed: {}, expected: [] },
  {
    name: 'a new task is copied once its Secret is',
    observed: { hub: hubTask(), secret: 'Copied' },
    expected: ['Create'],
  },
  { name: 'and waits for it', observed: { hub: hubTask(), secret: 'Missing' }, expected: [] },
  {
    name: 'a task that is over is not copied again',
    observed: { hub: hubTask({ phase: 'Succeeded' }), secret: 'Copied' },
    expected: [],
  },
  {
    name: 'a task that was lost while it ran is copied again',
    observed: { hub: hubTask({ phase: 'Running' }), secret: 'Copied' },
    expected: ['Create'],
  },
  { name: 'a task that is being deleted is not copied', observed: { hub: going, secret: 'Copied' }, expected: [] },
  {
    name: 'a stranger is left alone, and the hub told',
    observed: { hub: hubTask(), copy: stranger },
    expected: ['Push Failed'],
  },
  { name: 'once', observed: { hub: hubTask({ phase: 'Failed' }), copy: stranger }, expected: [] },
  {
    name: 'so is a stranger with the name of the Secret',
    observed: { hub: hubTask(), secret: 'Stranger' },
    expected: ['Push Failed'],
  },
  { name: 'a stranger without a hub task is left alone', observed: { copy: stranger }, expected: [] },
  {
    name: 'a copy of an earlier namesake goes',
    observed: { hub: hubTask({}, {}, 'uid-2'), copy: copyTask() },
    expected: ['Delete'],
  },
  { name: 'in step', observed: { hub: hubTask(), copy: copyTask() }, expected: [] },
  {
    name: 'an acknowledgement goes down',
    observed: {
      hub: hubTask({ phase: 'Succeeded' }, { acknowledgedAttempt: 3 }),
      copy: copyTask({ phase: 'Succeeded' }),
    },
    expected: ['PatchSpec'],
  },
  {
    name: 'a challenge goes down',
    observed: {
      hub: hubTask({ phase: 'Succeeded' }, { challenge: { indices: [1] } }),
      copy: copyTask({ phase: 'Succeeded' }),
    },
    expected: ['PatchSpec'],
  },
  {
    name: 'the first status goes up',
    observed: { hub: hubTask(), copy: copyTask({ phase: 'Pending' }) },
    expected: ['Push Pending'],
  },
  {
    name: 'both at once',
    observed: { hub: hubTask({}, { acknowledgedAttempt: 3 }), copy: copyTask({ phase: 'Failed' }) },
    expected: ['PatchSpec', 'Push Failed'],
  },
  { name: 'deleted on the hub, running', observed: { copy: copyTask({ phase: 'Running' }) }, expected: ['Delete'] },
  { name: 'deleted on the hub, not begun', observed: { copy: copyTask() }, expected: ['Delete'] },
  { name: 'being deleted on the hub', observed: { hub: going, copy: copyTask() }, expected: ['Delete'] },
  {
    name: 'deleted on the hub, acknowledged',
    observed: { copy: copyTask({ phase: 'Succeeded' }, { acknowledgedAttempt: 3 }) },
    expected: ['Delete'],
  },
  {
    name: 'deleted on the hub, last seen acknowledged there',
    observed: { copy: copyTask({ phase: 'Succeeded' }), wasAcknowledged: true },
    expected: ['Delete'],
  },
  {
    name: 'an acknowledgement of another attempt does not count',
    observed: { copy: copyTask({ phase: 'Succeeded' }, { acknowledgedAttempt: 2 }) },
    expected: ['MarkOrphaned'],
  },
  {
    name: 'deleted on the hub, not acknowledged',
    observed: { copy: copyTask({ phase: 'Failed' }) },
    expected: ['MarkOrphaned'],
  },
  {
    name: 'kept for the rest of the outbox',
    observed: { copy: orphaned('2029-12-31T23:30:00Z') },
    expected: [],
    wait: 1_800_000,
  },
  { name: 'and no longer', observed: { copy: orphaned('2029-12-31T23:00:00Z') }, expected: ['Delete'] },
  { name: 'an unreadable mark is made anew', observed: { copy: orphaned('soon') }, expected: ['MarkOrphaned'] },
  {
    name: 'the hub has the task back: told again',
    observed: { hub: hubTask(), copy: orphaned('2029-12-31T00:00:00Z') },
    expected: ['Push Succeeded'],
  },
];

describe('a task', () => {
  for (const { name, observed, expected, wait } of cases) {
    test(name, () => {
      const whole = {
        hub: undefined,
        copy: undefined,
        secret: 'Missing',
        wasAcknowledged: false,
        ...observed,
      } as const;
      const { actions, requeueAfterMilliseconds } = decideTask(whole, now, outbox);
      const said = actions.map((action) => (action.type === 'Push' ? `Push ${action.status.phase}` : action.type));
      assert.deepEqual(said, expected);
      assert.equal(requeueAfterMilliseconds, wait);
    });
  }

  test('is copied with its spec and origin, and nothing that the hub keeps for itself', () => {
    const copy = copyOfTask(hubTask({ phase: 'Running' }), 'isochrone-system');
    assert.equal(originOf(copy), 'uid-1');
    assert.deepEqual(copy.spec, hubTask().spec);
    assert.deepEqual(copy.metadata.labels, { 'isochrone.dev/origin': 'hub' });
    assert.equal(copy.metadata.uid, undefined);
    assert.equal(copy.metadata.finalizers, undefined);
    assert.equal(copy.status, undefined);
  });
});

const hubSecret: Secret = {
  metadata: { name: 's', namespace: 'edge-a', uid: 'uid-s' },
  data: { 'access.json': 'e30=' },
};
const copySecret = copyOfSecret(hubSecret, 'isochrone-system');
const secrets: [string, Parameters<typeof decideSecret>[0], SecretAction][] = [
  ['is copied for a task', { hub: hubSecret, copy: undefined, isWanted: true, isInUse: false }, 'Create'],
  ['is not copied for nobody', { hub: hubSecret, copy: undefined, isWanted: false, isInUse: false }, 'None'],
  ['is in step', { hub: hubSecret, copy: copySecret, isWanted: true, isInUse: true }, 'None'],
  [
    'is refreshed',
    { hub: { ...hubSecret, data: { 'access.json': 'e31=' } }, copy: copySecret, isWanted: true, isInUse: true },
    'Update',
  ],
  [
    'is made anew with its namesake',
    {
      hub: { ...hubSecret, metadata: { ...hubSecret.metadata, uid: 'uid-2' } },
      copy: copySecret,
      isWanted: true,
      isInUse: true,
    },
    'Delete',
  ],
  [
    'stays while a copy of a task reads it',
    { hub: undefined, copy: copySecret, isWanted: false, isInUse: true },
    'None',
  ],
  ['goes with the last task', { hub: undefined, copy: copySecret, isWanted: false, isInUse: false }, 'Delete'],
  [
    'of a stranger is left alone',
    { hub: hubSecret, copy: { metadata: { name: 's' } }, isWanted: true, isInUse: false },
    'Stranger',
  ],
  [
    'of a stranger is not removed',
    { hub: undefined, copy: { metadata: { name: 's' } }, isWanted: false, isInUse: false },
    'None',
  ],
];
describe('a Secret', () => {
  for (const [name, observed, expected] of secrets) test(name, () => assert.equal(decideSecret(observed), expected));
});
