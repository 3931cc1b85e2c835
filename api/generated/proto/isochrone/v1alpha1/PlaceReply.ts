// Original file: proto/isochrone/v1alpha1/scheduler.proto

import type { Placement as _isochrone_v1alpha1_Placement, Placement__Output as _isochrone_v1alpha1_Placement__Output } from '../../isochrone/v1alpha1/Placement.ts';

export interface PlaceReply {
  'placements'?: (_isochrone_v1alpha1_Placement)[];
}

export interface PlaceReply__Output {
  'placements': (_isochrone_v1alpha1_Placement__Output)[];
}
