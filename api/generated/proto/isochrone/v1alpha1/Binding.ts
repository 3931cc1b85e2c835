// Original file: proto/isochrone/v1alpha1/scheduler.proto

import type { Long } from '@grpc/proto-loader';

export interface Binding {
  'cluster'?: (string);
  'node'?: (string);
  'provider'?: (string);
  'deviceUuid'?: (string);
  'executionProvider'?: (string);
  'price'?: (number | string | Long);
  'predictedMilliseconds'?: (number | string | Long);
}

export interface Binding__Output {
  'cluster': (string);
  'node': (string);
  'provider': (string);
  'deviceUuid': (string);
  'executionProvider': (string);
  'price': (number);
  'predictedMilliseconds': (number);
}
