import type { InferenceJob, InferenceModel } from '@isochrone/api';
import { findCondition, isConditionTrue, parseQuantity } from '@isochrone/kube';
import { describedLayout, type LayoutDescription, type RecordLayout } from '@isochrone/tensor';
import type { ModelVersion, Problem } from './observed.ts';

export interface JobModel {
  readonly version: ModelVersion;
  readonly sizeBytes: number;
  readonly referenceNanosecondsPerRecord: number;
  /** In the order of the model; at least one. */
  readonly inputs: readonly ModelTensor[];
  readonly outputs: readonly ModelTensor[];
  /** Bytes of device memory to ask for. */
  readonly deviceMemory: number;
  readonly deviceMemoryQuantity: string;
}

export interface ModelTensor {
  readonly name: string;
  readonly dataType: string;
  /** With the axis of the records first; -1 where an axis is dynamic. */
  readonly shape: readonly number[];
}

/** How the records of an input lie, by the names of the model. @throws TensorError */
export function inputLayout(input: LayoutDescription, { inputs }: JobModel): RecordLayout {
  return describedLayout(input, inputs[0]!.name);
}

/** The model that a job runs, or why it cannot run. */
export function resolveModel(
  job: InferenceJob,
  model: InferenceModel | undefined,
): { model: JobModel } | { problem: Problem } {
  const { name, version } = job.spec.modelRef;
  if (model === undefined)
    return problem('ModelNotFound', `InferenceModel ${name} does not exist; create it, or ask its administrator`);
  const spec = model.spec.versions.find((candidate) => candidate.version === version);
  if (spec === undefined) {
    const known = model.spec.versions.map((candidate) => candidate.version).join(', ');
    return problem('ModelVersionNotFound', `InferenceModel ${name} has no version ${version}; it has ${known}`);
  }
  const status = model.status?.versions?.find((candidate) => candidate.version === version);
  const admitted = findCondition(status?.conditions, 'Admitted');
  if (status === undefined || !isConditionTrue(status.conditions, 'Admitted') || status.sha256 !== spec.sha256) {
    const why = admitted === undefined ? 'its admission has not begun' : `${admitted.reason}: ${admitted.message}`;
    return problem('ModelNotAdmitted', `version ${version} of InferenceModel ${name} is not admitted yet; ${why}`);
  }
  if (spec.referenceNanosecondsPerRecord === undefined) {
    const proposal = status.proposedReferenceNanosecondsPerRecord;
    const hint = proposal === undefined ? '' : ` (measured: ${proposal})`;
    return problem(
      'ModelNotApproved',
      `set spec.versions[${version}].referenceNanosecondsPerRecord of InferenceModel ${name}${hint}`,
    );
  }
  const { inputs = [], outputs = [] } = status;
  const own = job.spec.hardware.deviceMemory;
  const quantity = own ?? spec.deviceMemory;
  const deviceMemory = parseQuantity(quantity);
  if (deviceMemory === undefined) {
    return problem(
      'QuantityInvalid',
      `${own === undefined ? `deviceMemory of version ${version} of InferenceModel ${name}` : 'spec.hardware.deviceMemory'} ${JSON.stringify(quantity)} is not a quantity below 8 Pi; write one such as 4Gi`,
    );
  }
  return {
    model: {
      version: spec,
      sizeBytes: status.sizeBytes ?? 0,
      referenceNanosecondsPerRecord: spec.referenceNanosecondsPerRecord,
      inputs,
      outputs,
      deviceMemory,
      deviceMemoryQuantity: quantity,
    },
  };
}

function problem(reason: string, message: string): { problem: Problem } {
  return { problem: { reason, message } };
}
