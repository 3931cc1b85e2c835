// Original file: proto/isochrone/v1alpha1/scheduler.proto

import type { Long } from '@grpc/proto-loader';

export interface AttemptKey {
  'workUid'?: (string);
  'attempt'?: (number | string | Long);
}

export interface AttemptKey__Output {
  'workUid': (string);
  'attempt': (number);
}
