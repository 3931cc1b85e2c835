// Original file: proto/isochrone/v1alpha1/verifier.proto


export interface GetIdentityRequest {
}

export interface GetIdentityRequest__Output {
}
