// Original file: proto/isochrone/v1alpha1/scheduler.proto


export interface Reject {
  'plugin'?: (string);
  'reason'?: (string);
  'count'?: (number);
}

export interface Reject__Output {
  'plugin': (string);
  'reason': (string);
  'count': (number);
}
