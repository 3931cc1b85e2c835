// Original file: proto/isochrone/v1alpha1/verifier.proto


export interface Record {
  'inputs'?: (Buffer | Uint8Array | string)[];
  'outputs'?: (Buffer | Uint8Array | string)[];
}

export interface Record__Output {
  'inputs': (Buffer)[];
  'outputs': (Buffer)[];
}
