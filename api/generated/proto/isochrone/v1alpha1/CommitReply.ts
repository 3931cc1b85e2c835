// Original file: proto/isochrone/v1alpha1/verifier.proto


export interface CommitReply {
  'receipt'?: (Buffer | Uint8Array | string);
}

export interface CommitReply__Output {
  'receipt': (Buffer);
}
