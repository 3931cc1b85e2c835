// Original file: proto/isochrone/v1alpha1/verifier.proto


export interface Identity {
  'publicKey'?: (Buffer | Uint8Array | string);
}

export interface Identity__Output {
  'publicKey': (Buffer);
}
