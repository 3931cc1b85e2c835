// Original file: proto/isochrone/v1alpha1/scheduler.proto


export interface WithdrawReply {
}

export interface WithdrawReply__Output {
}
