// Original file: proto/isochrone/v1alpha1/scheduler.proto

import type { Long } from '@grpc/proto-loader';

export interface Score {
  'plugin'?: (string);
  'micros'?: (number | string | Long);
}

export interface Score__Output {
  'plugin': (string);
  'micros': (number);
}
