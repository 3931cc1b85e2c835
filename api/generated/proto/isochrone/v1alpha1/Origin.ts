// Original file: proto/isochrone/v1alpha1/scheduler.proto


export interface Origin {
  'region'?: (string);
  'latitude'?: (number | string);
  'longitude'?: (number | string);
  'coordinates'?: (boolean);
}

export interface Origin__Output {
  'region': (string);
  'latitude': (number);
  'longitude': (number);
  'coordinates': (boolean);
}
