// Original file: proto/isochrone/v1alpha1/verifier.proto


export interface Record {
  'input'?: (Buffer | Uint8Array | string);
  'output'?: (Buffer | Uint8Array | string);
}

export interface Record__Output {
  'input': (Buffer);
  'output': (Buffer);
}
