// Original file: proto/isochrone/v1alpha1/scheduler.proto

import type { AttemptKey as _isochrone_v1alpha1_AttemptKey, AttemptKey__Output as _isochrone_v1alpha1_AttemptKey__Output } from '../../isochrone/v1alpha1/AttemptKey.ts';

export interface WithdrawRequest {
  'attempts'?: (_isochrone_v1alpha1_AttemptKey)[];
}

export interface WithdrawRequest__Output {
  'attempts': (_isochrone_v1alpha1_AttemptKey__Output)[];
}
