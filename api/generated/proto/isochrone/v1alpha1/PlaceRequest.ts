// Original file: proto/isochrone/v1alpha1/scheduler.proto

import type { TaskRequest as _isochrone_v1alpha1_TaskRequest, TaskRequest__Output as _isochrone_v1alpha1_TaskRequest__Output } from '../../isochrone/v1alpha1/TaskRequest.ts';

export interface PlaceRequest {
  'tasks'?: (_isochrone_v1alpha1_TaskRequest)[];
}

export interface PlaceRequest__Output {
  'tasks': (_isochrone_v1alpha1_TaskRequest__Output)[];
}
