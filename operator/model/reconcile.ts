import type { Condition, InferenceModel, InferenceModelStatus, InferenceTask } from '@isochrone/api';
import { isConditionTrue, setCondition } from '@isochrone/kube';
import { finalReasons, judgeFailure, type AdmissionFailure } from './failure.ts';

export type ModelVersion = InferenceModel['spec']['versions'][number];
export type VersionStatus = NonNullable<InferenceModelStatus['versions']>[number];

/** What the shell has seen of one version. */
export interface ObservedVersion {
  readonly version: ModelVersion;
  readonly generation: number;
  readonly previous: VersionStatus | undefined;
  /** The admission of just these bytes. */
  readonly task: InferenceTask | undefined;
  /** Whether this process knows that the task has access to the object. */
  readonly hasAccess: boolean;
  /** Whether the node of the task can still work. */
  readonly taskNodeIsReady: boolean;
  readonly hasTrustedDevice: boolean;
  readonly warmNodes: number;
  /** Milliseconds until it may be tried again; 0 when it may be now. */
  readonly waitMilliseconds: number;
}

/** `Acknowledge` and `Discard` are for after the status is written: only the task tells what it says. */
export type VersionStep =
  | { readonly type: 'None' }
  /** Look at the object and make the task. */
  | { readonly type: 'Start' }
  /** Give the task access to the object: who made it may have died before. */
  | { readonly type: 'GrantAccess' }
  /** Tell the edge that the result is recorded. */
  | { readonly type: 'Acknowledge' }
  /** Delete the task; with a wait, before anything is tried again. */
  | { readonly type: 'Discard'; readonly retryAfterMilliseconds: number };

export interface VersionDecision {
  readonly status: VersionStatus;
  readonly step: VersionStep;
  /** Set when the admission has just ended. */
  readonly ended?: string;
}

/** An admission that takes longer has failed, seconds. */
export const ADMISSION_TIMEOUT_SECONDS = 600;
const overdueSeconds = ADMISSION_TIMEOUT_SECONDS + 60;
const retryMilliseconds = 60_000;
/** Of a condition, by the schema. */
const longestMessage = 4096;

/** @param now milliseconds since 1970 */
export function decideVersion(observed: ObservedVersion, now: number): VersionDecision {
  const { version, previous, task } = observed;
  const isSame = previous?.sha256 === version.sha256;
  if (isSame && isConditionTrue(previous.conditions, 'Admitted')) {
    return { status: withVerdict(observed, undefined, now), step: dismissed(task) };
  }
  if (task !== undefined) return decideTask(observed, task, now);
  const failure = isSame ? finalFailure(previous) : undefined;
  if (failure !== undefined) return { status: withVerdict(observed, undefined, now), step: { type: 'None' } };
  if (observed.waitMilliseconds > 0) return { status: withVerdict(observed, undefined, now), step: { type: 'None' } };
  if (!observed.hasTrustedDevice) {
    const message = `no Ready node of an EdgeCluster of class Trusted that is not cordoned has a device with ${version.deviceMemory} of memory; add one`;
    return { status: withVerdict(observed, { reason: 'NoTrustedNode', message }, now), step: { type: 'None' } };
  }
  const message = 'a trusted node loads and measures the model';
  return { status: withVerdict(observed, { reason: 'Admitting', message }, now), step: { type: 'Start' } };
}

function decideTask(observed: ObservedVersion, task: InferenceTask, now: number): VersionDecision {
  const { status = {}, spec, metadata } = task;
  if (status.phase === 'Succeeded') {
    const { inputs = [], outputs = [], nanosecondsPerRecord = 0 } = status.model ?? {};
    if (inputs.length > 0 && outputs.length > 0 && nanosecondsPerRecord > 0) {
      const measured = { sizeBytes: spec.model.sizeBytes, inputs, outputs, nanosecondsPerRecord };
      return { status: admitted(observed, measured, now), step: dismissed(task), ended: 'Admitted' };
    }
  }
  if (status.phase === 'Succeeded' || status.phase === 'Failed') {
    const failure = judgeFailure(status.failure);
    const retryAfterMilliseconds = failure.retrySeconds * 1000;
    const isAcknowledged = spec.acknowledgedAttempt !== undefined;
    return {
      status: withVerdict(observed, failure, now),
      step: isAcknowledged ? { type: 'Discard', retryAfterMilliseconds } : { type: 'Acknowledge' },
      ...(isAcknowledged ? { ended: failure.reason } : {}),
    };
  }
  const age = now - Date.parse(metadata.creationTimestamp ?? new Date(now).toISOString());
  const lost = !observed.taskNodeIsReady
    ? `node ${spec.nodeName} is no longer ready`
    : age > overdueSeconds * 1000
      ? `node ${spec.nodeName} gave no result within ${overdueSeconds} s`
      : undefined;
  if (lost !== undefined) {
    const failure = { reason: 'AdmissionFailed', message: `${lost}; it is tried again` } as const;
    const step = { type: 'Discard', retryAfterMilliseconds: retryMilliseconds } as const;
    return { status: withVerdict(observed, failure, now), step, ended: failure.reason };
  }
  const lacksAccess = status.phase === undefined && !observed.hasAccess;
  // Why it could not be given just now is what the version tells until then.
  if (lacksAccess && observed.waitMilliseconds > 0)
    return { status: withVerdict(observed, undefined, now), step: { type: 'None' } };
  const message = `node ${spec.nodeName} loads and measures the model`;
  return {
    status: withVerdict(observed, { reason: 'Admitting', message }, now),
    step: { type: lacksAccess ? 'GrantAccess' : 'None' },
  };
}

function dismissed(task: InferenceTask | undefined): VersionStep {
  if (task === undefined) return { type: 'None' };
  const isAcknowledged = task.spec.acknowledgedAttempt !== undefined;
  return isAcknowledged ? { type: 'Discard', retryAfterMilliseconds: 0 } : { type: 'Acknowledge' };
}

/** The same bytes cannot be admitted however often it is tried. */
function finalFailure(previous: VersionStatus): Condition | undefined {
  return previous.conditions?.find(
    ({ type, status, reason }) =>
      type === 'Admitted' && status === 'False' && finalReasons.some((final) => final === reason),
  );
}

interface Measured {
  sizeBytes: number;
  inputs: NonNullable<VersionStatus['inputs']>;
  outputs: NonNullable<VersionStatus['outputs']>;
  nanosecondsPerRecord: number;
}

function admitted(observed: ObservedVersion, measured: Measured, now: number): VersionStatus {
  const { nanosecondsPerRecord, ...tensors } = measured;
  const previous = {
    ...(observed.previous ?? { version: observed.version.version }),
    ...tensors,
    proposedReferenceNanosecondsPerRecord: nanosecondsPerRecord,
  };
  return withVerdict({ ...observed, previous }, { reason: 'Admitted', message: 'loaded and measured' }, now);
}

type Verdict = Pick<AdmissionFailure, 'message'> & {
  readonly reason: AdmissionFailure['reason'] | 'Admitted' | 'Admitting' | 'NoTrustedNode';
};

/** The version's status with a new verdict on its admission, or with the one it has. */
export function withVerdict(observed: ObservedVersion, verdict: Verdict | undefined, now: number): VersionStatus {
  const { version, previous, generation, warmNodes } = observed;
  let conditions: readonly Condition[] = previous?.conditions ?? [];
  if (verdict !== undefined) {
    const status = verdict.reason === 'Admitted' ? 'True' : verdict.reason === 'Admitting' ? 'Unknown' : 'False';
    const { reason } = verdict;
    const message = verdict.message.slice(0, longestMessage);
    const condition = { type: 'Admitted', status, reason, message, observedGeneration: generation } as const;
    conditions = setCondition(conditions, condition, now);
  }
  conditions = setCondition(conditions, { ...approval(version, previous), observedGeneration: generation }, now);
  // What was measured of other bytes is not of these.
  const isSame = previous?.sha256 === undefined || previous.sha256 === version.sha256;
  return {
    ...(isSame && previous !== undefined ? previous : {}),
    version: version.version,
    sha256: version.sha256,
    warmNodes,
    conditions: [...conditions],
  };
}

function approval(version: ModelVersion, previous: VersionStatus | undefined): Omit<Condition, 'lastTransitionTime'> {
  const { referenceNanosecondsPerRecord: approved } = version;
  if (approved !== undefined) {
    const message = `${approved} reference nanoseconds per record`;
    return { type: 'Approved', status: 'True', reason: 'Approved', message };
  }
  const proposed = previous?.proposedReferenceNanosecondsPerRecord;
  const remedy = proposed === undefined ? 'it is proposed once the version is admitted' : `${proposed} was measured`;
  const message = `set referenceNanosecondsPerRecord of version ${version.version} in the spec; ${remedy}`;
  return { type: 'Approved', status: 'False', reason: 'ReferenceCostMissing', message };
}

/** The status of the model over those of its versions. @param now milliseconds since 1970 */
export function modelStatus(
  model: InferenceModel,
  versions: readonly VersionStatus[],
  now: number,
): InferenceModelStatus {
  const { generation = 0 } = model.metadata;
  const open = versions.flatMap(({ version, conditions }) =>
    (conditions ?? [])
      .filter(({ type, status }) => type === 'Admitted' && status !== 'True')
      .map((condition) => ({ version, condition })),
  );
  const worst = open.find(({ condition }) => condition.status === 'False') ?? open[0];
  const verdict =
    worst === undefined
      ? ({ status: 'True', reason: 'Admitted', message: `${versions.length} version(s) admitted` } as const)
      : {
          status: worst.condition.status,
          reason: worst.condition.reason,
          message: `version ${worst.version}: ${worst.condition.message}`.slice(0, longestMessage),
        };
  const condition = { type: 'Admitted', ...verdict, observedGeneration: generation };
  return {
    observedGeneration: generation,
    versions: [...versions],
    conditions: [...setCondition(model.status?.conditions, condition, now)],
  };
}
