import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { InferenceJob, InferenceJobStatus } from '@isochrone/api';
import { findCondition, formatTime } from '@isochrone/kube';
import type { JobMemory } from './job-memory.ts';
import type { Observed } from './observed.ts';
import { reconcileJob } from './reconcile-job.ts';
import { makeJob } from './testing/objects.ts';
import { admitted, makeAttempt, makeTask, now, observe } from './testing/observe.ts';

const condition = (type: string, reason: string) =>
  ({ type, status: 'True', reason, message: '', lastTransitionTime: formatTime(now) }) as const;
const running: InferenceJobStatus = { input: admitted, startTime: formatTime(now) };
const deleted = (job: InferenceJob): InferenceJob => ({
  ...job,
  metadata: { ...job.metadata, deletionTimestamp: formatTime(now) },
});
const withoutFinalizer = (job: InferenceJob): InferenceJob => ({
  ...job,
  metadata: { ...job.metadata, finalizers: [] },
});
const restored = { ...running, uid: 'of-the-first-object' };
const committed = { uri: 's3://data/out/manifest.json', sha256: 'a'.repeat(64) };
const all = (state: 'Released' | 'Refunded') =>
  makeAttempt({
    state,
    shards: Array.from({ length: 10 }, (_, index) => ({ index, records: 10, amount: 1n, output: undefined })),
    records: 100,
  });
const requests = { input: { uri: 's3://data/lines.jsonl', format: 'OpenInferenceJSONLines' } } as const;

interface Row {
  readonly name: string;
  readonly observed?: Partial<Omit<Observed, 'known'>>;
  readonly remember?: (memory: JobMemory) => void;
  /** Types of the actions. */
  readonly actions: readonly string[];
  readonly phase: InferenceJobStatus['phase'];
  /** `type=reason` of a condition. */
  readonly tells?: string;
}

const rows: readonly Row[] = [
  {
    name: 'restored: its result may be out already',
    observed: { job: makeJob({ activeDeadlineSeconds: 1 }, restored), attempts: [makeAttempt()] },
    actions: ['FindManifest'],
    phase: 'Running',
  },
  {
    name: 'restored, and looking for its result',
    observed: { job: makeJob({}, restored) },
    remember: (memory) => memory.busy.add('FindManifest'),
    actions: [],
    phase: 'Pending',
  },
  {
    name: 'restored, and its result is out: nothing is run or paid again',
    observed: { job: makeJob({ activeDeadlineSeconds: 1 }, restored), attempts: [makeAttempt()] },
    remember: (memory) => void (memory.restoredManifest = committed),
    actions: ['Refund'],
    phase: 'Complete',
    tells: 'Complete=AllShardsVerified',
  },
  {
    name: 'restored, and its result is not out: it goes on',
    observed: { job: makeJob({}, restored), attempts: [makeAttempt()] },
    remember: (memory) => void (memory.restoredManifest = 'None'),
    actions: ['LookUpTask', 'Place'],
    phase: 'Running',
  },
  {
    name: 'restored and suspended',
    observed: { job: makeJob({ suspend: true }, restored) },
    actions: [],
    phase: 'Suspended',
  },
  { name: 'new', observed: { job: withoutFinalizer(makeJob()) }, actions: ['AddFinalizer'], phase: 'Pending' },
  { name: 'to be admitted', observed: { job: makeJob() }, actions: ['Admit'], phase: 'Pending' },
  {
    name: 'its model is not there',
    observed: { job: makeJob(), model: undefined },
    actions: [],
    phase: 'Pending',
    tells: 'Admitted=ModelNotFound',
  },
  {
    name: 'a version that is not there',
    observed: { job: makeJob({ modelRef: { name: 'model', version: '9' } }) },
    actions: [],
    phase: 'Pending',
    tells: 'Admitted=ModelVersionNotFound',
  },
  {
    name: 'a quantity beyond all',
    observed: { job: makeJob({ hardware: { executionProviders: ['CPU'], deviceMemory: '99999999999999999999Ti' } }) },
    actions: [],
    phase: 'Pending',
    tells: 'Admitted=QuantityInvalid',
  },
  {
    name: 'refused, not yet tried again',
    observed: { job: makeJob() },
    remember: (memory) =>
      (memory.admission = {
        ok: false,
        problem: { reason: 'InputNotFound', message: '' },
        failures: 1,
        retryAt: now + 1,
      }),
    actions: [],
    phase: 'Pending',
    tells: 'Admitted=InputNotFound',
  },
  {
    name: 'looked at',
    observed: { job: makeJob() },
    remember: (memory) => (memory.admission = { ok: true, input: admitted }),
    actions: [],
    phase: 'Pending',
    tells: 'Admitted=Admitted',
  },
  { name: 'admitted', actions: ['Place'], phase: 'Pending', tells: 'Complete=InProgress' },
  {
    name: 'no node',
    remember: (memory) =>
      (memory.placement = { reason: 'NoNodeFits', message: '', retryAt: now + 1, since: now, explanation: undefined }),
    actions: [],
    phase: 'Pending',
    tells: 'Placed=NoNodeFits',
  },
  {
    name: 'no budget, and nothing open',
    remember: (memory) =>
      (memory.placement = { reason: 'BudgetExhausted', message: '', retryAt: now, since: now, explanation: undefined }),
    actions: [],
    phase: 'Failed',
    tells: 'Failed=BudgetExhausted',
  },
  {
    name: 'a task that outlived its attempt',
    observed: {
      attempts: [makeAttempt({ state: 'Refunded', reason: 'TaskTimeout', settledAt: now })],
      tasks: new Map([[1, makeTask(1)]]),
    },
    actions: ['DeleteTask', 'Place'],
    phase: 'Pending',
  },
  {
    name: 'a re-execution of settled work',
    observed: { attempts: [makeAttempt({ attempt: 2, purpose: 'Verification', verifies: 1 })] },
    actions: ['Refund', 'Place'],
    phase: 'Pending',
  },
  {
    name: 'suspended',
    observed: {
      job: makeJob({ suspend: true }, running),
      attempts: [makeAttempt()],
      tasks: new Map([[1, makeTask(1)]]),
    },
    actions: ['Refund', 'DeleteTask'],
    phase: 'Suspended',
    tells: 'Suspended=Suspended',
  },
  {
    name: 'too late',
    observed: {
      job: makeJob({ activeDeadlineSeconds: 1 }, { ...running, startTime: formatTime(now - 1000) }),
      attempts: [makeAttempt()],
    },
    actions: ['Refund'],
    phase: 'Failed',
    tells: 'Failed=DeadlineExceeded',
  },
  {
    name: 'the input changed',
    remember: (memory) => (memory.inputNow = 'Changed'),
    observed: { attempts: [makeAttempt()] },
    actions: ['Refund'],
    phase: 'Failed',
    tells: 'Failed=InputChanged',
  },
  {
    name: 'a shard failed too often',
    observed: {
      attempts: [1, 2, 3, 4].map((attempt) =>
        makeAttempt({ attempt, state: 'Refunded', reason: 'RunFailed', charged: true, settledAt: now }),
      ),
    },
    actions: [],
    phase: 'Failed',
    tells: 'Failed=BackoffLimitExceeded',
  },
  {
    name: 'a shard that failed for free is run for ever',
    observed: {
      attempts: [1, 2].map((attempt) =>
        makeAttempt({ attempt, state: 'Refunded', reason: 'RuntimeCrashed', settledAt: now }),
      ),
    },
    actions: ['Place'],
    phase: 'Pending',
  },
  { name: 'all paid', observed: { attempts: [all('Released')] }, actions: ['WriteManifest'], phase: 'Running' },
  {
    name: 'the manifest is there',
    observed: { attempts: [all('Released')] },
    remember: (memory) => (memory.manifest = { uri: 's3://m', sha256: 'x' }),
    actions: [],
    phase: 'Complete',
    tells: 'Complete=AllShardsVerified',
  },
  {
    name: 'the prefix was taken meanwhile',
    observed: { attempts: [all('Released')] },
    remember: (memory) =>
      (memory.manifest = { problem: { reason: 'OutputNotWritable', message: '' }, retryAt: Infinity }),
    actions: [],
    phase: 'Failed',
    tells: 'Failed=OutputNotWritable',
  },
  {
    name: 'complete, with a task left',
    observed: {
      job: makeJob({}, { ...running, phase: 'Complete', conditions: [condition('Complete', 'AllShardsVerified')] }),
      attempts: [all('Released')],
      tasks: new Map([[1, makeTask(1)]]),
    },
    actions: ['DeleteTask'],
    phase: 'Complete',
  },
  {
    name: 'failed, with objects that nobody reads',
    observed: {
      job: makeJob({}, { ...running, phase: 'Failed', conditions: [condition('Failed', 'DeadlineExceeded')] }),
      attempts: [all('Refunded')],
    },
    actions: ['RemoveObjects'],
    phase: 'Failed',
  },
  {
    name: 'deleted while it runs',
    observed: {
      job: deleted(makeJob({}, { ...running, phase: 'Running' })),
      attempts: [makeAttempt()],
      tasks: new Map([[1, makeTask(1)]]),
    },
    actions: ['Refund', 'DeleteTask'],
    phase: 'Running',
  },
  {
    name: 'deleted, with a result that readers may see',
    observed: { job: deleted(makeJob({}, { ...running, phase: 'Running' })), attempts: [all('Released')] },
    actions: ['RemoveFinalizer'],
    phase: 'Running',
  },
  {
    name: 'complete, with a copy of its input that nobody reads any more',
    observed: {
      job: makeJob(requests, {
        ...running,
        phase: 'Complete',
        conditions: [condition('Complete', 'AllShardsVerified')],
      }),
      attempts: [all('Released')],
    },
    actions: ['RemoveObjects'],
    phase: 'Complete',
  },
  {
    name: 'deleted amid the copy of its input',
    observed: { job: deleted(makeJob(requests)) },
    actions: ['RemoveObjects'],
    phase: undefined,
  },
  {
    name: 'its outputs were changed before they were written as responses',
    observed: { job: makeJob(requests, running), attempts: [all('Released')] },
    remember: (memory) =>
      (memory.manifest = { problem: { reason: 'OutputChanged', message: '' }, retryAt: Number.POSITIVE_INFINITY }),
    actions: [],
    phase: 'Failed',
    tells: 'Failed=OutputChanged',
  },
  {
    name: 'deleted before anything',
    observed: { job: deleted(makeJob()) },
    actions: ['RemoveFinalizer'],
    phase: undefined,
  },
];

describe('reconcileJob', () => {
  for (const { name, observed = {}, remember, actions, phase, tells } of rows) {
    test(name, () => {
      const decision = reconcileJob(observe(observed, remember), now);
      assert.deepEqual(
        decision.actions.map(({ type }) => type),
        actions,
      );
      assert.equal(decision.status.phase, phase);
      if (tells === undefined) return;
      const [type, reason] = tells.split('=') as [string, string];
      assert.equal(findCondition(decision.status.conditions, type)?.reason, reason);
    });
  }

  test('what is paid is finished after the deadline too: readers may have its manifest', () => {
    const job = makeJob({ activeDeadlineSeconds: 1 }, { ...running, startTime: formatTime(now - 1000) });
    const late = observe({ job, attempts: [all('Released')] });
    assert.deepEqual(
      reconcileJob(late, now).actions.map(({ type }) => type),
      ['WriteManifest'],
    );
  });

  test('a copy goes with its job, and is told as such when it changed', () => {
    const gone = observe({ job: deleted(makeJob(requests)) });
    assert.deepEqual(reconcileJob(gone, now).actions, [{ type: 'RemoveObjects', attempts: [], inputCopy: true }]);
    const changed = observe({ job: makeJob(requests, running) }, (memory) => (memory.inputNow = 'Changed'));
    const { message } = findCondition(reconcileJob(changed, now).status.conditions, 'Failed')!;
    assert.match(message, /^the copy of s3:\/\/data\/lines\.jsonl below s3:\/\/data\/out\/attempts\/ is not/);
  });

  test('a suspended job wakes for its deadline', () => {
    const job = makeJob({ suspend: true, activeDeadlineSeconds: 60 }, running);
    assert.equal(reconcileJob(observe({ job }), now).wakeAt, now + 60_000);
  });

  test('a condition tells what keeps a job from being complete', () => {
    const failures = [1, 2, 3].map((attempt) =>
      makeAttempt({ attempt, state: 'Refunded', reason: 'RuntimeCrashed', settledAt: now }),
    );
    const [delivered, tasks] = [makeAttempt({ attempt: 4, shards: [] }), new Map([[4, makeTask(4)]])];
    const observed = observe({ attempts: [...failures, delivered], tasks }, (memory) => {
      const problem = { reason: 'NoNodeFits', message: 'no independent node', explanation: undefined };
      memory.verificationPlacement.set(4, { ...problem, needs: 'Independent', retryAt: now + 1, since: now });
    });
    assert.equal(
      findCondition(reconcileJob(observed, now).status.conditions, 'Complete')?.message,
      '10 shards are not complete; shard 0 failed 3 times, the last time on alpha/n1 with RuntimeCrashed; NoNodeFits: no independent node',
    );
  });

  test('the same again decides the same: nothing is written when nothing changed', () => {
    const first = reconcileJob(observe(), now).status;
    const again = observe({ job: makeJob({}, first) });
    assert.deepEqual(reconcileJob(again, now + 60_000).status, first);
  });
});
