// Original file: proto/isochrone/v1alpha1/verifier.proto

import type { WindowHeader as _isochrone_v1alpha1_WindowHeader, WindowHeader__Output as _isochrone_v1alpha1_WindowHeader__Output } from '../../isochrone/v1alpha1/WindowHeader.ts';
import type { Record as _isochrone_v1alpha1_Record, Record__Output as _isochrone_v1alpha1_Record__Output } from '../../isochrone/v1alpha1/Record.ts';

export interface CommitRequest {
  'header'?: (_isochrone_v1alpha1_WindowHeader | null);
  'record'?: (_isochrone_v1alpha1_Record | null);
  'part'?: "header"|"record";
}

export interface CommitRequest__Output {
  'header'?: (_isochrone_v1alpha1_WindowHeader__Output | null);
  'record'?: (_isochrone_v1alpha1_Record__Output | null);
  'part'?: "header"|"record";
}
