// Original file: proto/isochrone/v1alpha1/verifier.proto


export interface Opening {
  'index'?: (number);
  'proof'?: (Buffer | Uint8Array | string);
}

export interface Opening__Output {
  'index': (number);
  'proof': (Buffer);
}
