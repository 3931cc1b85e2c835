// Original file: proto/isochrone/v1alpha1/scheduler.proto

import type { Reject as _isochrone_v1alpha1_Reject, Reject__Output as _isochrone_v1alpha1_Reject__Output } from '../../isochrone/v1alpha1/Reject.ts';
import type { Candidate as _isochrone_v1alpha1_Candidate, Candidate__Output as _isochrone_v1alpha1_Candidate__Output } from '../../isochrone/v1alpha1/Candidate.ts';

export interface Explanation {
  'message'?: (string);
  'nodesEvaluated'?: (number);
  'resolvable'?: (boolean);
  'rejects'?: (_isochrone_v1alpha1_Reject)[];
  'candidates'?: (_isochrone_v1alpha1_Candidate)[];
}

export interface Explanation__Output {
  'message': (string);
  'nodesEvaluated': (number);
  'resolvable': (boolean);
  'rejects': (_isochrone_v1alpha1_Reject__Output)[];
  'candidates': (_isochrone_v1alpha1_Candidate__Output)[];
}
