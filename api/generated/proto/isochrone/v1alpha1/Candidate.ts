// Original file: proto/isochrone/v1alpha1/scheduler.proto

import type { Score as _isochrone_v1alpha1_Score, Score__Output as _isochrone_v1alpha1_Score__Output } from '../../isochrone/v1alpha1/Score.ts';
import type { Long } from '@grpc/proto-loader';

export interface Candidate {
  'cluster'?: (string);
  'node'?: (string);
  'predictedMilliseconds'?: (number | string | Long);
  'price'?: (number | string | Long);
  'scores'?: (_isochrone_v1alpha1_Score)[];
}

export interface Candidate__Output {
  'cluster': (string);
  'node': (string);
  'predictedMilliseconds': (number);
  'price': (number);
  'scores': (_isochrone_v1alpha1_Score__Output)[];
}
