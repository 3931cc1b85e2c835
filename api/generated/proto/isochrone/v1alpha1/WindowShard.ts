// Original file: proto/isochrone/v1alpha1/verifier.proto

import type { Long } from '@grpc/proto-loader';

export interface WindowShard {
  'index'?: (number);
  'firstRecord'?: (number | string | Long);
  'records'?: (number);
  'stringLengths'?: (number)[];
}

export interface WindowShard__Output {
  'index': (number);
  'firstRecord': (number);
  'records': (number);
  'stringLengths': (number)[];
}
