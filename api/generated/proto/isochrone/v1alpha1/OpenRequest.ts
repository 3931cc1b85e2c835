// Original file: proto/isochrone/v1alpha1/verifier.proto

import type { Long } from '@grpc/proto-loader';

export interface OpenRequest {
  'workUid'?: (string);
  'attempt'?: (number | string | Long);
  'indices'?: (number)[];
}

export interface OpenRequest__Output {
  'workUid': (string);
  'attempt': (number);
  'indices': (number)[];
}
