import type { InferenceTaskStatus } from '@isochrone/api';

/** Why a version is not admitted, and when to try again; 0 for never, until the spec changes. */
export interface AdmissionFailure {
  readonly reason:
    | 'DigestMismatch'
    | 'ModelUnavailable'
    | 'ModelInvalid'
    | 'UnsupportedTensor'
    | 'NeedsRecordShape'
    | 'AdmissionFailed';
  readonly message: string;
  readonly retrySeconds: number;
}

const remedies: Readonly<Record<string, string>> = {
  DigestMismatch:
    'the object at uri has other bytes than sha256 says; upload the right ones, or add a version with their digest',
  ModelUnavailable: 'the object at uri could not be read; check that it exists and what the credentials allow',
  ModelInvalid: 'onnxruntime cannot load it; add a version with another file',
  UnsupportedTensor: 'a tensor has a type that is not supported; add a version whose tensors are numeric or boolean',
  NeedsRecordShape: 'an axis other than the first is dynamic; add a version with recordShape',
  AdmissionFailed: 'it is tried again',
};

/** What a trusted node's failure means for the model: the node is believed, and its message quoted. */
export function judgeFailure(failure: InferenceTaskStatus['failure']): AdmissionFailure {
  const { reason, retrySeconds } = classify(failure);
  const told =
    failure === undefined
      ? 'the node sent no tensors or no measurement'
      : `${failure.reason}: ${failure.message ?? ''}`;
  return { reason, retrySeconds, message: `${remedies[reason] ?? ''} (${told})` };
}

function classify(failure: InferenceTaskStatus['failure']): Pick<AdmissionFailure, 'reason' | 'retrySeconds'> {
  switch (failure?.reason) {
    case 'ModelInvalid':
    case 'UnsupportedTensor':
    case 'NeedsRecordShape':
      return { reason: failure.reason, retrySeconds: 0 };
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
