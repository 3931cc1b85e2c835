import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError, type ApiClient } from '@isochrone/kube';
import { deleteTaskAndAccess } from './delete-task.ts';
import { makeTask } from './job/testing/observe.ts';

/** A client that records what it is asked to do. `patch` is how it answers a patch. */
function recording(patch: () => void = () => undefined): { client: ApiClient; calls: unknown[] } {
  const calls: unknown[] = [];
  const client = {
    mergePatch: async (_: unknown, ref: { name: string }, body: unknown) => {
      calls.push(['patch', ref.name, body]);
      patch();
      return Promise.resolve();
    },
    delete: async ({ kind }: { kind: string }, ref: { name: string }) => {
      calls.push(['delete', kind, ref.name]);
      return Promise.resolve();
    },
  };
  return { client: client as unknown as ApiClient, calls };
}

const acknowledgement = { metadata: { uid: 'uid-1' }, spec: { acknowledgedAttempt: 1 } };
const gone = [
  ['delete', 'InferenceTask', 'task-1'],
  ['delete', 'Secret', 's'],
];

for (const status of [{ phase: 'Failed' }, { phase: 'Running' }, undefined] as const) {
  test(`a task without acknowledgement, ${status?.phase ?? 'not started'}, is acknowledged before it is deleted`, async () => {
    const { client, calls } = recording();
    await deleteTaskAndAccess(client, makeTask(1, status));
    assert.deepEqual(calls, [['patch', 'task-1', acknowledgement], ...gone]);
  });
}

test('one that was acknowledged is only deleted', async () => {
  const { client, calls } = recording();
  await deleteTaskAndAccess(client, makeTask(1, { phase: 'Succeeded' }, { acknowledgedAttempt: 1 }));
  assert.deepEqual(calls, gone);
});

test('the access of a task that is gone, or replaced, ends all the same', async () => {
  for (const status of [404, 409]) {
    const { client, calls } = recording(() => {
      throw new ApiError('no', { status });
    });
    await deleteTaskAndAccess(client, makeTask(1));
    assert.deepEqual(calls.at(-1), ['delete', 'Secret', 's']);
  }
});
