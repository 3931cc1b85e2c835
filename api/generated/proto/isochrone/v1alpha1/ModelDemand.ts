// Original file: proto/isochrone/v1alpha1/scheduler.proto

import type { Long } from '@grpc/proto-loader';

export interface ModelDemand {
  'sha256'?: (string);
  'sizeBytes'?: (number | string | Long);
  'referenceNanosecondsPerRecord'?: (number | string | Long);
}

export interface ModelDemand__Output {
  'sha256': (string);
  'sizeBytes': (number);
  'referenceNanosecondsPerRecord': (number);
}
