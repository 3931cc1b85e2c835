import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Condition, EdgeCluster, InferenceModel, InferenceNode, InferenceTask } from '@isochrone/api';
import { findCondition } from '@isochrone/kube';
import { judgeFailure } from './failure.ts';
import { decideVersion, modelStatus, type ModelVersion, type ObservedVersion } from './reconcile.ts';
import { pickTrustedDevice } from './trusted-device.ts';
import { admissionUID } from './work-uid.ts';

const now = Date.UTC(2030, 0, 1);
const time = '2030-01-01T00:00:00Z';
const sha256 = 'a'.repeat(64);
const version: ModelVersion = {
  version: '1',
  uri: 's3://b/k',
  sha256,
  numericProfile: 'FP32Strict',
  deviceMemory: '1Gi',
  maxBatchSize: 8,
};
const condition = (status: Condition['status'], reason: string): Condition => ({
  type: 'Admitted',
  status,
  reason,
  message: 'm',
  lastTransitionTime: time,
});
const before = (status: Condition['status'], reason: string, digest = sha256) => ({
  version: '1',
  sha256: digest,
  conditions: [condition(status, reason)],
});

function task(status: InferenceTask['status'] = {}, acknowledgedAttempt?: number, created = time): InferenceTask {
  return {
    metadata: { name: 't', creationTimestamp: created },
    spec: {
      nodeName: 'n',
      attempt: 1,
      model: { sizeBytes: 7 },
      ...(acknowledgedAttempt === undefined ? {} : { acknowledgedAttempt }),
    },
    status,
  } as InferenceTask;
}
const tensor = { name: 'x', dataType: 'FP32', shape: [-1] };
const succeeded: InferenceTask['status'] = {
  phase: 'Succeeded',
  model: { inputs: [tensor], outputs: [tensor], nanosecondsPerRecord: 5 },
};
const failed = (reason: string) => ({ phase: 'Failed', failure: { class: 'Model', reason } }) as const;

const cases: {
  name: string;
  observed: Partial<ObservedVersion>;
  step: string;
  verdict: readonly [string, string] | undefined;
}[] = [
  { name: 'new, with a trusted node', observed: {}, step: 'Start', verdict: ['Unknown', 'Admitting'] },
  {
    name: 'new, without one',
    observed: { hasTrustedDevice: false },
    step: 'None',
    verdict: ['False', 'NoTrustedNode'],
  },
  {
    name: 'tried a moment ago',
    observed: { previous: before('False', 'ModelUnavailable'), waitMilliseconds: 5 },
    step: 'None',
    verdict: ['False', 'ModelUnavailable'],
  },
  {
    name: 'tried long ago',
    observed: { previous: before('False', 'ModelUnavailable') },
    step: 'Start',
    verdict: ['Unknown', 'Admitting'],
  },
  {
    name: 'made, but its maker died before it gave access',
    observed: { task: task(), hasAccess: false },
    step: 'GrantAccess',
    verdict: ['Unknown', 'Admitting'],
  },
  {
    name: 'made, and the object could not be looked at a moment ago',
    observed: {
      task: task(),
      hasAccess: false,
      waitMilliseconds: 5,
      previous: before('False', 'ModelUnavailable'),
    },
    step: 'None',
    verdict: ['False', 'ModelUnavailable'],
  },
  {
    name: 'running with the access that another process gave',
    observed: { task: task({ phase: 'Running' }), hasAccess: false },
    step: 'None',
    verdict: ['Unknown', 'Admitting'],
  },
  {
    name: 'failed for good',
    observed: { previous: before('False', 'ModelInvalid') },
    step: 'None',
    verdict: ['False', 'ModelInvalid'],
  },
  {
    name: 'failed for good with other bytes',
    observed: { previous: before('False', 'ModelInvalid', 'b'.repeat(64)) },
    step: 'Start',
    verdict: ['Unknown', 'Admitting'],
  },
  { name: 'admitted', observed: { previous: before('True', 'Admitted') }, step: 'None', verdict: ['True', 'Admitted'] },
  {
    name: 'admitted with other bytes',
    observed: { previous: before('True', 'Admitted', 'b'.repeat(64)) },
    step: 'Start',
    verdict: ['Unknown', 'Admitting'],
  },
  { name: 'running', observed: { task: task({ phase: 'Running' }) }, step: 'None', verdict: ['Unknown', 'Admitting'] },
  {
    name: 'running on a node that is gone',
    observed: { task: task({ phase: 'Running' }), taskNodeIsReady: false },
    step: 'Discard',
    verdict: ['False', 'AdmissionFailed'],
  },
  {
    name: 'running for too long',
    observed: { task: task({}, undefined, '2029-12-31T23:48:59Z') },
    step: 'Discard',
    verdict: ['False', 'AdmissionFailed'],
  },
  { name: 'succeeded', observed: { task: task(succeeded) }, step: 'Acknowledge', verdict: ['True', 'Admitted'] },
  {
    name: 'succeeded, recorded',
    observed: { task: task(succeeded), previous: before('True', 'Admitted') },
    step: 'Acknowledge',
    verdict: ['True', 'Admitted'],
  },
  {
    name: 'succeeded, acknowledged',
    observed: { task: task(succeeded, 1), previous: before('True', 'Admitted') },
    step: 'Discard',
    verdict: ['True', 'Admitted'],
  },
  {
    name: 'succeeded without tensors',
    observed: { task: task({ phase: 'Succeeded' }) },
    step: 'Acknowledge',
    verdict: ['False', 'AdmissionFailed'],
  },
  {
    name: 'succeeded without a measurement',
    observed: { task: task({ phase: 'Succeeded', model: { inputs: [tensor], outputs: [tensor] } }) },
    step: 'Acknowledge',
    verdict: ['False', 'AdmissionFailed'],
  },
  {
    name: 'failed',
    observed: { task: task(failed('UnsupportedTensor')) },
    step: 'Acknowledge',
    verdict: ['False', 'UnsupportedTensor'],
  },
  {
    name: 'failed, acknowledged',
    observed: { task: task(failed('UnsupportedTensor'), 1) },
    step: 'Discard',
    verdict: ['False', 'UnsupportedTensor'],
  },
];

function observed(overrides: Partial<ObservedVersion> = {}): ObservedVersion {
  return {
    version,
    generation: 1,
    previous: undefined,
    task: undefined,
    hasAccess: true,
    taskNodeIsReady: true,
    hasTrustedDevice: true,
    warmNodes: 2,
    waitMilliseconds: 0,
    ...overrides,
  };
}

describe('a version', () => {
  for (const { name, observed: overrides, step, verdict } of cases) {
    test(name, () => {
      const decision = decideVersion(observed(overrides), now);
      const found = findCondition(decision.status.conditions, 'Admitted');
      assert.equal(decision.step.type, step);
      assert.deepEqual(found && [found.status, found.reason], verdict);
      assert.equal(decision.status.warmNodes, 2);
      assert.equal(decision.status.sha256, sha256);
    });
  }
  test('gets its tensors, size and proposal from the task', () => {
    const { status } = decideVersion(observed({ task: task(succeeded) }), now);
    assert.deepEqual(status.inputs, [tensor]);
    assert.equal(status.sizeBytes, 7);
    assert.equal(status.proposedReferenceNanosecondsPerRecord, 5);
  });
  test('loses what was measured of other bytes', () => {
    const previous = { ...before('True', 'Admitted', 'b'.repeat(64)), proposedReferenceNanosecondsPerRecord: 9 };
    const { status } = decideVersion(observed({ previous }), now);
    assert.equal(status.proposedReferenceNanosecondsPerRecord, undefined);
  });
  test('is approved by its cost', () => {
    const approvalOf = (cost?: number) => {
      const approved = cost === undefined ? version : { ...version, referenceNanosecondsPerRecord: cost };
      return findCondition(decideVersion(observed({ version: approved }), now).status.conditions, 'Approved');
    };
    assert.equal(approvalOf()?.reason, 'ReferenceCostMissing');
    assert.equal(approvalOf(5)?.status, 'True');
  });
});

test('a model is admitted when every version is, and quotes the first that failed', () => {
  const model = { metadata: { name: 'm', generation: 1 } } as InferenceModel;
  const of = (...statuses: ReturnType<typeof before>[]) =>
    findCondition(modelStatus(model, statuses, now).conditions, 'Admitted');
  assert.equal(of(before('True', 'Admitted'), before('True', 'Admitted'))?.status, 'True');
  const mixed = of(before('True', 'Admitted'), before('Unknown', 'Admitting'), {
    ...before('False', 'DigestMismatch'),
    version: '3',
  });
  assert.equal(mixed?.reason, 'DigestMismatch');
  assert.match(mixed?.message ?? '', /^version 3: /);
});

const failures: [string | undefined, string, boolean][] = [
  ['ModelInvalid', 'ModelInvalid', false],
  ['UnsupportedTensor', 'UnsupportedTensor', false],
  ['NeedsRecordShape', 'NeedsRecordShape', false],
  ['NotDeterministic', 'NotDeterministic', false],
  ['OutputDependsOnBatch', 'OutputDependsOnBatch', false],
  ['ModelDigestMismatch', 'DigestMismatch', true],
  ['ModelUnavailable', 'ModelUnavailable', true],
  ['StorageExpired', 'ModelUnavailable', true],
  ['OutOfMemory', 'AdmissionFailed', true],
  [undefined, 'AdmissionFailed', true],
];
for (const [reason, expected, retried] of failures) {
  test(`a task that failed with ${reason} means ${expected}`, () => {
    const judged = judgeFailure(reason === undefined ? undefined : { class: 'Model', reason, message: 'told' });
    assert.equal(judged.reason, expected);
    assert.equal(judged.retrySeconds > 0, retried);
    if (reason !== undefined) assert.match(judged.message, /told/);
  });
}

describe('the device that admits', () => {
  const cluster = (name: string, kind: 'Edge' | 'Trusted', status: Condition['status'] = 'True') =>
    ({
      metadata: { name },
      spec: { class: kind },
      status: { conditions: [{ ...condition(status, 'X'), type: 'Ready' }] },
    }) as EdgeCluster;
  const node = (
    name: string,
    clusterName: string,
    device: object,
    conditions: [string, Condition['status']][] = [
      ['Ready', 'True'],
      ['Trusted', 'True'],
    ],
    runningTasks = 0,
  ) =>
    ({
      metadata: { name, namespace: `edge-${clusterName}` },
      spec: {
        clusterName,
        inventory: { devices: [{ uuid: `${name}-0`, memory: '4Gi', executionProviders: ['CPU'], ...device }] },
      },
      status: { runningTasks, conditions: conditions.map(([type, status]) => ({ ...condition(status, 'X'), type })) },
    }) as unknown as InferenceNode;
  const clusters = [cluster('t', 'Trusted'), cluster('e', 'Edge'), cluster('down', 'Trusted', 'Unknown')];
  const pick = (...nodes: InferenceNode[]) => pickTrustedDevice(nodes, clusters, 2 ** 30)?.node;
  test('is of a trusted cluster', () => assert.equal(pick(node('a', 'e', {}), node('b', 't', {})), 'b'));
  test('that is ready', () => assert.equal(pick(node('a', 'down', {})), undefined));
  test('of a ready node', () =>
    assert.equal(
      pick(
        node('a', 't', {}, [
          ['Ready', 'False'],
          ['Trusted', 'True'],
        ]),
      ),
      undefined,
    ));
  test('that is not in quarantine', () =>
    assert.equal(
      pick(
        node('a', 't', {}, [
          ['Ready', 'True'],
          ['Trusted', 'False'],
        ]),
      ),
      undefined,
    ));
  test('that is not cordoned, by itself or with its cluster', () => {
    const cordoned = node('a', 't', {});
    cordoned.spec.unschedulable = true;
    assert.equal(pick(cordoned, node('b', 't', {})), 'b');
    const closed = cluster('c', 'Trusted');
    closed.spec.unschedulable = true;
    assert.equal(pickTrustedDevice([node('a', 'c', {})], [closed], 2 ** 30), undefined);
  });
  test('has the memory', () => assert.equal(pick(node('a', 't', { memory: '512Mi' })), undefined));
  test('is a CPU where there is one', () =>
    assert.equal(pick(node('a', 't', { executionProviders: ['CUDA'] }), node('b', 't', {})), 'b'));
  test('or a GPU', () => assert.equal(pick(node('a', 't', { executionProviders: ['CUDA'] })), 'a'));
  test('is the one that runs least', () =>
    assert.equal(pick(node('a', 't', {}, undefined, 3), node('b', 't', {})), 'b'));
});

test('the work UID of an admission is a UUID, stable, and one of the model, version and bytes', () => {
  const uid = admissionUID('m', '1', sha256);
  assert.match(uid, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(admissionUID('m', '1', sha256), uid);
  assert.equal(
    new Set([uid, admissionUID('n', '1', sha256), admissionUID('m', '2', sha256), admissionUID('m', '1', 'b')]).size,
    4,
  );
});
