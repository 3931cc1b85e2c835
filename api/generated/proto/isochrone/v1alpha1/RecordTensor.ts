// Original file: proto/isochrone/v1alpha1/verifier.proto

import type { Long } from '@grpc/proto-loader';

export interface RecordTensor {
  'name'?: (string);
  'dataType'?: (string);
  'shape'?: (number | string | Long)[];
}

export interface RecordTensor__Output {
  'name': (string);
  'dataType': (string);
  'shape': (number)[];
}
