import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { InferenceTask } from '@isochrone/api';
import type { JobMemory } from './job-memory.ts';
import type { PlaceView } from './observed.ts';
import { defaultJobOptions } from './options.ts';
import { stepAttempt } from './step-attempt.ts';
import { makeAttempt, makeTask, now, observe, well } from './testing/observe.ts';

const binding = {
  cluster: 'alpha',
  node: 'n1',
  provider: 'acme',
  deviceUuid: 'd',
  executionProvider: 'CPU',
  price: 1,
  predictedMilliseconds: 1,
};
const receipt = { ok: true, leafCount: 10, runtimeClass: 'cpu', outputs: [] } as const;
const seconds = 1000;
const { startTimeoutSeconds, unreachableGraceSeconds, nodeNotReadyGraceSeconds, challengeTimeoutSeconds } =
  defaultJobOptions;

interface Row {
  readonly name: string;
  readonly task?: InferenceTask;
  /** Reasons for which others were refunded for the same shard. */
  readonly earlier?: readonly string[];
  readonly purpose?: 'Work' | 'Verification';
  readonly place?: PlaceView;
  readonly at?: number;
  readonly remember?: (memory: JobMemory) => void;
  /** A stage, and the types of the actions; or the reason of the failure, `!` where it is charged, `*` where it is fraud. */
  readonly expected: string;
}

const succeeded = (spec: Partial<InferenceTask['spec']> = {}, status: InferenceTask['status'] = {}): InferenceTask =>
  makeTask(1, { phase: 'Succeeded', ...status }, spec);
const failed = (failure: NonNullable<NonNullable<InferenceTask['status']>['failure']>): InferenceTask =>
  makeTask(1, { phase: 'Failed', failure });
const challenged = { acknowledgedAttempt: 1, challenge: { indices: [3, 7] } };
const openings = [3, 7].map((index) => ({ index, proof: '' }));
const withReceipt = (memory: JobMemory): void => void memory.receipts.set(1, receipt);
const away: PlaceView = { ...well, clusterUnreachableSince: now - 1e9, nodeNotReadySince: now - 1e9 };

const rows: readonly Row[] = [
  { name: 'a hold without a task, after a restart', expected: 'Starting LookUpTask' },
  { name: 'a task that never was', remember: (memory) => memory.absent.add(1), expected: 'NeverStarted' },
  {
    name: 'bound and not made',
    remember: (memory) => memory.pending.set(1, { binding, composition: 'None' }),
    expected: 'Starting CreateTask',
  },
  {
    name: 'its input is to be composed',
    remember: (memory) => memory.pending.set(1, { binding, composition: 'Needed' }),
    expected: 'Starting Compose',
  },
  {
    name: 'its input could not be composed',
    remember: (memory) => memory.pending.set(1, { binding, composition: { failed: 'x' } }),
    expected: 'InputNotComposed',
  },
  {
    name: 'bound, and not made in time',
    at: now + startTimeoutSeconds * seconds,
    remember: (memory) => memory.pending.set(1, { binding, composition: 'None' }),
    expected: 'NeverStarted',
  },
  { name: 'made, without access to storage', task: makeTask(1), expected: 'Starting WriteSecret' },
  {
    name: 'made, waiting',
    task: makeTask(1),
    remember: (memory) => memory.secretsWritten.add(1),
    expected: 'Starting',
  },
  { name: 'not started in time', task: makeTask(1), at: now + startTimeoutSeconds * seconds, expected: 'StartTimeout' },
  { name: 'running', task: makeTask(1, { phase: 'Running' }), expected: 'Running' },
  {
    name: 'the status of another attempt says nothing',
    task: makeTask(1, { phase: 'Succeeded', attempt: 9 }),
    remember: (memory) => memory.secretsWritten.add(1),
    expected: 'Starting',
  },
  {
    name: 'running too long',
    task: makeTask(1, { phase: 'Running' }),
    at: now + (startTimeoutSeconds + 600 + 60) * seconds,
    expected: 'TaskTimeout',
  },
  {
    name: 'the cluster is unreachable, within grace',
    task: makeTask(1, { phase: 'Running' }),
    place: { ...well, clusterUnreachableSince: now - 1 },
    expected: 'Running',
  },
  {
    name: 'the cluster is unreachable',
    task: makeTask(1, { phase: 'Running' }),
    place: { ...well, clusterUnreachableSince: now - unreachableGraceSeconds * seconds },
    expected: 'ClusterUnreachable',
  },
  {
    name: 'the cluster is unreachable with most others',
    task: makeTask(1, { phase: 'Running' }),
    place: { ...away, evictionHeldUntil: now + 1 },
    expected: 'Running',
  },
  {
    name: 'nor did its task begin in time',
    task: makeTask(1),
    at: now + startTimeoutSeconds * seconds,
    place: { ...away, evictionHeldUntil: now + startTimeoutSeconds * seconds + 1 },
    expected: 'Starting WriteSecret',
  },
  {
    name: 'the cluster is unreachable with most others, and for too long',
    task: makeTask(1, { phase: 'Running' }),
    place: { ...away, evictionHeldUntil: now },
    expected: 'ClusterUnreachable',
  },
  {
    name: 'the node is not ready',
    task: makeTask(1, { phase: 'Running' }),
    place: { ...well, nodeNotReadySince: now - nodeNotReadyGraceSeconds * seconds },
    expected: 'NodeNotReady',
  },
  {
    name: 'the node is quarantined',
    task: succeeded(),
    place: { ...well, isQuarantined: true },
    expected: 'NodeQuarantined',
  },
  {
    name: 'a fault of the provider',
    task: failed({ class: 'Provider', reason: 'RuntimeCrashed' }),
    expected: 'RuntimeCrashed',
  },
  {
    name: 'one node blames the model: its word alone costs the user nothing',
    task: failed({ class: 'Model', reason: 'RunFailed' }),
    expected: 'RunFailed',
  },
  {
    name: 'a second one does',
    earlier: ['RunFailed'],
    task: failed({ class: 'Model', reason: 'RunFailed' }),
    expected: 'RunFailed!',
  },
  {
    name: 'the first, after faults of providers',
    earlier: ['RuntimeCrashed', 'InputChanged', 'VerificationFailed'],
    task: failed({ class: 'Model', reason: 'RunFailed' }),
    expected: 'RunFailed',
  },
  {
    name: 'a fault of the provider that it calls one of the model',
    earlier: ['RunFailed'],
    task: failed({ class: 'Model', reason: 'RuntimeCrashed' }),
    expected: 'RuntimeCrashed',
  },
  {
    name: 'a reason that only the hub may give',
    task: failed({ class: 'Provider', reason: 'VerificationInconclusive' }),
    expected: 'AgentInternal',
  },
  {
    name: 'a fault of the model in a re-execution is free',
    purpose: 'Verification',
    earlier: ['RunFailed'],
    task: failed({ class: 'Model', reason: 'RunFailed' }),
    expected: 'RunFailed',
  },
  {
    name: 'a fault of the input',
    earlier: ['OutputRejected'],
    task: failed({ class: 'Input', reason: 'InputRejected' }),
    expected: 'InputRejected!',
  },
  {
    name: 'the edge says that the input changed',
    task: failed({ class: 'Input', reason: 'InputChanged' }),
    expected: 'Checking CheckInput',
  },
  {
    name: 'the edge says so, and it did not',
    task: failed({ class: 'Input', reason: 'InputChanged' }),
    remember: (memory) => (memory.inputNow = 'Same'),
    expected: 'InputChanged',
  },
  { name: 'a failure that does not say why', task: makeTask(1, { phase: 'Failed' }), expected: 'AgentInternal' },
  { name: 'a result', task: succeeded(), expected: 'Checking CheckReceipt' },
  {
    name: 'a receipt that is not good',
    task: succeeded(),
    remember: (memory) => memory.receipts.set(1, { ok: false, reason: 'ReceiptInvalid', message: '', isFraud: false }),
    expected: 'ReceiptInvalid',
  },
  {
    name: 'a second receipt for one window',
    task: succeeded(),
    remember: (memory) => memory.receipts.set(1, { ok: false, reason: 'Equivocation', message: '', isFraud: true }),
    expected: 'Equivocation*',
  },
  { name: 'a good receipt', task: succeeded(), remember: withReceipt, expected: 'Checking Challenge' },
  {
    name: 'acknowledged without a challenge',
    task: succeeded({ acknowledgedAttempt: 1 }),
    remember: withReceipt,
    expected: 'Checking Challenge',
  },
  { name: 'challenged', task: succeeded(challenged), remember: withReceipt, expected: 'Checking' },
  {
    name: 'opened in part',
    task: succeeded(challenged, { openings: openings.slice(1) }),
    remember: withReceipt,
    expected: 'Checking',
  },
  {
    name: 'not opened in time',
    task: succeeded(challenged),
    remember: (memory) => {
      withReceipt(memory);
      memory.challengedAt.set(1, now - challengeTimeoutSeconds * seconds);
    },
    expected: 'OpeningsMissing',
  },
  {
    name: 'opened',
    task: succeeded(challenged, { openings }),
    remember: withReceipt,
    expected: 'Checking FetchEvidence',
  },
  {
    name: 'a re-execution needs no challenge',
    purpose: 'Verification',
    task: succeeded({ acknowledgedAttempt: 1 }),
    remember: withReceipt,
    expected: 'Checking FetchEvidence',
  },
  ...(
    [
      [{ result: 'Matches' }, 'Delivered'],
      [{ result: 'Differs', message: '' }, 'VerificationFailed*'],
      [{ result: 'Missing', message: '' }, 'OutputMissing'],
      [{ result: 'OffForm', message: '' }, 'OutputOffForm'],
      [{ result: 'InputLost', message: '' }, 'InputNotComposed'],
      [{ result: 'Unavailable', message: '', retryAt: now + 1 }, 'Checking'],
      [{ result: 'Unavailable', message: '', retryAt: now }, 'Checking FetchEvidence'],
    ] as const
  ).map(([evidence, expected]) => ({
    name: `evidence: ${JSON.stringify(evidence)}`,
    task: succeeded(challenged, { openings }),
    remember: (memory: JobMemory) => {
      withReceipt(memory);
      memory.evidence.set(1, evidence);
    },
    expected,
  })),
  {
    name: 'evidence: signed output of another form, from a second provider',
    task: succeeded(challenged, { openings }),
    earlier: ['OutputOffForm'],
    remember: (memory: JobMemory) => {
      withReceipt(memory);
      memory.evidence.set(1, { result: 'OffForm', message: '' });
    },
    expected: 'OutputOffForm!',
  },
];

test('a result that others re-execute is judged though its node was quarantined meanwhile', () => {
  const attempt = makeAttempt();
  const round = makeAttempt({ attempt: 2, purpose: 'Verification', verifies: 1, cluster: 'beta' });
  const observed = observe({
    attempts: [attempt, round],
    place: (cluster) => ({ ...well, isQuarantined: cluster === 'alpha' }),
    tasks: new Map([[1, succeeded()]]),
  });
  assert.equal(stepAttempt(observed, attempt, now).stage, 'Checking');
});

describe('stepAttempt', () => {
  for (const { name, task, earlier = [], purpose = 'Work', place = well, at = now, remember, expected } of rows) {
    test(name, () => {
      const attempt = makeAttempt({ purpose });
      const refunded = earlier.map((reason, index) =>
        makeAttempt({ attempt: -index, provider: 'bolt', state: 'Refunded', reason }),
      );
      const observed = observe(
        { attempts: [...refunded, attempt], place: () => place, tasks: new Map(task === undefined ? [] : [[1, task]]) },
        remember,
      );
      const step = stepAttempt(observed, attempt, at);
      const told =
        step.stage === 'Failed'
          ? `${step.failure.reason}${step.failure.charged ? '!' : ''}${step.failure.isFraud ? '*' : ''}`
          : [step.stage, ...(step.stage === 'Delivered' ? [] : step.actions.map(({ type }) => type))].join(' ');
      assert.equal(told, expected);
    });
  }
});
