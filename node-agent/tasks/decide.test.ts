import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { InferenceTask, InferenceTaskStatus } from '@isochrone/api';
import { decideTask, type RunState, type TaskAction } from './decide.ts';

const task = (status?: InferenceTaskStatus, { challenge = false, deleted = false } = {}): InferenceTask =>
  ({
    metadata: { name: 't', uid: 'one', ...(deleted && { deletionTimestamp: '2030-01-01T00:00:00Z' }) },
    spec: challenge ? { challenge: { indices: [0] } } : {},
    ...(status && { status }),
  }) as InferenceTask;
const pending = task();
const running = task({ phase: 'Running' });
const failed = task({ phase: 'Failed' });
const succeeded = task({ phase: 'Succeeded' });
const challenged = task({ phase: 'Succeeded' }, { challenge: true });
const answered = task({ phase: 'Succeeded', openings: [] }, { challenge: true });
const deleted = task({ phase: 'Running' }, { deleted: true });

const table: readonly (readonly [string, InferenceTask | undefined, RunState, boolean, TaskAction, string?])[] = [
  ['new and granted', pending, 'none', true, 'start'],
  ['new, no grant', pending, 'none', false, 'none'],
  ['left over by an agent that was killed', running, 'none', true, 'start'],
  ['running', running, 'running', true, 'none'],
  ['running, grant over', running, 'running', false, 'stop'],
  ['stopping, grant over', running, 'stopping', false, 'none'],
  ['stopping, grant back', running, 'stopping', true, 'none'],
  ['finished', running, 'finished', true, 'report'],
  ['finished, grant over: the work is done, so it is told', running, 'finished', false, 'report'],
  ['reported, not seen yet', running, 'reported', true, 'none'],
  ['reported and seen', succeeded, 'reported', true, 'forget'],
  ['over, seen after a restart', succeeded, 'none', true, 'none'],
  ['failed by another writer while it runs', failed, 'running', true, 'stop'],
  ['failed by another writer, stopping', failed, 'stopping', true, 'none'],
  ['failed by another writer, finished here', failed, 'finished', true, 'forget'],
  ['challenged', challenged, 'none', true, 'open'],
  ['challenged before the run is forgotten', challenged, 'reported', true, 'open'],
  ['challenged without a grant: it costs next to nothing', challenged, 'none', false, 'open'],
  ['challenged and answered', answered, 'none', true, 'none'],
  ['challenged and answered, run still known', answered, 'reported', true, 'forget'],
  ['challenged but failed', task({ phase: 'Failed' }, { challenge: true }), 'none', true, 'none'],
  ['gone while it runs', undefined, 'running', true, 'stop'],
  ['gone while it stops', undefined, 'stopping', true, 'none'],
  ['gone', undefined, 'none', true, 'forget'],
  ['gone when finished', undefined, 'finished', true, 'forget'],
  ['being deleted while it runs', deleted, 'running', true, 'stop'],
  ['being deleted', deleted, 'none', true, 'forget'],
  ['a namesake of the one that runs', pending, 'running', true, 'stop', 'other'],
  ['a namesake of the one that stops', pending, 'stopping', true, 'none', 'other'],
  ['a namesake of one that is finished', pending, 'finished', true, 'forget', 'other'],
];

describe('what is to be done about a task', () => {
  for (const [name, observed, run, granted, action, uid = 'one'] of table) {
    test(`${name}: ${action}`, () => {
      assert.equal(decideTask({ task: observed, run, runUID: run === 'none' ? undefined : uid, granted }), action);
    });
  }
});
