import type { InferenceTaskStatus } from '@isochrone/api';

/** What the same version fails with however often it is tried. */
export const finalReasons = [
  'ModelInvalid',
  'UnsupportedTensor',
  'NeedsRecordShape',
  'NotDeterministic',
  'OutputDependsOnBatch',
] as const;
type FinalReason = (typeof finalReasons)[number];

/** Why a version is not admitted, and when to try again; 0 for never. */
export interface AdmissionFailure {
  readonly reason: FinalReason | 'DigestMismatch' | 'ModelUnavailable' | 'AdmissionFailed';
  readonly message: string;
  readonly retrySeconds: number;
}

const remedies: Readonly<Record<AdmissionFailure['reason'], string>> = {
  DigestMismatch:
    'the object at uri has other bytes than sha256 says; upload the right ones, or add a version with their digest',
  ModelUnavailable: 'the object at uri could not be read; check that it exists and what the credentials allow',
  ModelInvalid: 'onnxruntime cannot load it; add a version with another file',
  UnsupportedTensor:
    'a tensor is not supported; add a version whose tensors are numbers, booleans or strings, each with the records as first axis',
  NeedsRecordShape:
    'an axis other than the first is dynamic; add a version with recordShape, or recordShapes where it has several inputs',
  NotDeterministic:
    'its outputs cannot be verified by running it elsewhere; add a version that gives the same output for the same record each time',
  OutputDependsOnBatch:
    'its outputs cannot be verified in batches of other records; add a version with maxBatchSize: 1',
  AdmissionFailed: 'it is tried again',
};

/** What a trusted node's failure means for the model: the node is believed, and its message quoted. */
export function judgeFailure(failure: InferenceTaskStatus['failure']): AdmissionFailure {
  const { reason, retrySeconds } = classify(failure);
  const told =
    failure === undefined
      ? 'the node sent no tensors or no measurement'
      : `${failure.reason}: ${failure.message ?? ''}`;
  return { reason, retrySeconds, message: `${remedies[reason]} (${told})` };
}

function classify(failure: InferenceTaskStatus['failure']): Pick<AdmissionFailure, 'reason' | 'retrySeconds'> {
  const final = finalReasons.find((reason) => reason === failure?.reason);
  if (final !== undefined) return { reason: final, retrySeconds: 0 };
  switch (failure?.reason) {
    case 'ModelDigestMismatch':
      return { reason: 'DigestMismatch', retrySeconds: 300 };
    case 'ModelUnavailable':
    case 'StorageExpired':
    case 'StorageUnavailable':
      return { reason: 'ModelUnavailable', retrySeconds: 60 };
    default:
      return { reason: 'AdmissionFailed', retrySeconds: 60 };
  }
}
