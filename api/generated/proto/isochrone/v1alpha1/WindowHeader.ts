// Original file: proto/isochrone/v1alpha1/verifier.proto

import type { RecordTensor as _isochrone_v1alpha1_RecordTensor, RecordTensor__Output as _isochrone_v1alpha1_RecordTensor__Output } from '../../isochrone/v1alpha1/RecordTensor.ts';
import type { WindowShard as _isochrone_v1alpha1_WindowShard, WindowShard__Output as _isochrone_v1alpha1_WindowShard__Output } from '../../isochrone/v1alpha1/WindowShard.ts';
import type { Long } from '@grpc/proto-loader';

export interface WindowHeader {
  'workUid'?: (string);
  'attempt'?: (number | string | Long);
  'modelSha256'?: (string);
  'numericProfile'?: (string);
  'runtimeClass'?: (string);
  'inputs'?: (_isochrone_v1alpha1_RecordTensor)[];
  'outputs'?: (_isochrone_v1alpha1_RecordTensor)[];
  'shards'?: (_isochrone_v1alpha1_WindowShard)[];
}

export interface WindowHeader__Output {
  'workUid': (string);
  'attempt': (number);
  'modelSha256': (string);
  'numericProfile': (string);
  'runtimeClass': (string);
  'inputs': (_isochrone_v1alpha1_RecordTensor__Output)[];
  'outputs': (_isochrone_v1alpha1_RecordTensor__Output)[];
  'shards': (_isochrone_v1alpha1_WindowShard__Output)[];
}
