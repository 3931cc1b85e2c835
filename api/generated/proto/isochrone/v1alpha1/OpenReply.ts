// Original file: proto/isochrone/v1alpha1/verifier.proto

import type { Opening as _isochrone_v1alpha1_Opening, Opening__Output as _isochrone_v1alpha1_Opening__Output } from '../../isochrone/v1alpha1/Opening.ts';

export interface OpenReply {
  'openings'?: (_isochrone_v1alpha1_Opening)[];
}

export interface OpenReply__Output {
  'openings': (_isochrone_v1alpha1_Opening__Output)[];
}
