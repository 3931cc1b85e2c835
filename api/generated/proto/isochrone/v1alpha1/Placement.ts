// Original file: proto/isochrone/v1alpha1/scheduler.proto

import type { Binding as _isochrone_v1alpha1_Binding, Binding__Output as _isochrone_v1alpha1_Binding__Output } from '../../isochrone/v1alpha1/Binding.ts';
import type { Explanation as _isochrone_v1alpha1_Explanation, Explanation__Output as _isochrone_v1alpha1_Explanation__Output } from '../../isochrone/v1alpha1/Explanation.ts';
import type { Long } from '@grpc/proto-loader';

export interface Placement {
  'workUid'?: (string);
  'attempt'?: (number | string | Long);
  'binding'?: (_isochrone_v1alpha1_Binding | null);
  'explanation'?: (_isochrone_v1alpha1_Explanation | null);
}

export interface Placement__Output {
  'workUid': (string);
  'attempt': (number);
  'binding': (_isochrone_v1alpha1_Binding__Output | null);
  'explanation': (_isochrone_v1alpha1_Explanation__Output | null);
}
