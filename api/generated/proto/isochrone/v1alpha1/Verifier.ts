// Original file: proto/isochrone/v1alpha1/verifier.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { CommitReply as _isochrone_v1alpha1_CommitReply, CommitReply__Output as _isochrone_v1alpha1_CommitReply__Output } from '../../isochrone/v1alpha1/CommitReply.ts';
import type { CommitRequest as _isochrone_v1alpha1_CommitRequest, CommitRequest__Output as _isochrone_v1alpha1_CommitRequest__Output } from '../../isochrone/v1alpha1/CommitRequest.ts';
import type { GetIdentityRequest as _isochrone_v1alpha1_GetIdentityRequest, GetIdentityRequest__Output as _isochrone_v1alpha1_GetIdentityRequest__Output } from '../../isochrone/v1alpha1/GetIdentityRequest.ts';
import type { Identity as _isochrone_v1alpha1_Identity, Identity__Output as _isochrone_v1alpha1_Identity__Output } from '../../isochrone/v1alpha1/Identity.ts';
import type { OpenReply as _isochrone_v1alpha1_OpenReply, OpenReply__Output as _isochrone_v1alpha1_OpenReply__Output } from '../../isochrone/v1alpha1/OpenReply.ts';
import type { OpenRequest as _isochrone_v1alpha1_OpenRequest, OpenRequest__Output as _isochrone_v1alpha1_OpenRequest__Output } from '../../isochrone/v1alpha1/OpenRequest.ts';

export interface VerifierClient extends grpc.Client {
  Commit(metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_isochrone_v1alpha1_CommitReply__Output>): grpc.ClientWritableStream<_isochrone_v1alpha1_CommitRequest>;
  Commit(metadata: grpc.Metadata, callback: grpc.requestCallback<_isochrone_v1alpha1_CommitReply__Output>): grpc.ClientWritableStream<_isochrone_v1alpha1_CommitRequest>;
  Commit(options: grpc.CallOptions, callback: grpc.requestCallback<_isochrone_v1alpha1_CommitReply__Output>): grpc.ClientWritableStream<_isochrone_v1alpha1_CommitRequest>;
  Commit(callback: grpc.requestCallback<_isochrone_v1alpha1_CommitReply__Output>): grpc.ClientWritableStream<_isochrone_v1alpha1_CommitRequest>;
  commit(metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_isochrone_v1alpha1_CommitReply__Output>): grpc.ClientWritableStream<_isochrone_v1alpha1_CommitRequest>;
  commit(metadata: grpc.Metadata, callback: grpc.requestCallback<_isochrone_v1alpha1_CommitReply__Output>): grpc.ClientWritableStream<_isochrone_v1alpha1_CommitRequest>;
  commit(options: grpc.CallOptions, callback: grpc.requestCallback<_isochrone_v1alpha1_CommitReply__Output>): grpc.ClientWritableStream<_isochrone_v1alpha1_CommitRequest>;
  commit(callback: grpc.requestCallback<_isochrone_v1alpha1_CommitReply__Output>): grpc.ClientWritableStream<_isochrone_v1alpha1_CommitRequest>;
  
  GetIdentity(argument: _isochrone_v1alpha1_GetIdentityRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_isochrone_v1alpha1_Identity__Output>): grpc.ClientUnaryCall;
  GetIdentity(argument: _isochrone_v1alpha1_GetIdentityRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_isochrone_v1alpha1_Identity__Output>): grpc.ClientUnaryCall;
  GetIdentity(argument: _isochrone_v1alpha1_GetIdentityRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_isochrone_v1alpha1_Identity__Output>): grpc.ClientUnaryCall;
  GetIdentity(argument: _isochrone_v1alpha1_GetIdentityRequest, callback: grpc.requestCallback<_isochrone_v1alpha1_Identity__Output>): grpc.ClientUnaryCall;
  getIdentity(argument: _isochrone_v1alpha1_GetIdentityRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_isochrone_v1alpha1_Identity__Output>): grpc.ClientUnaryCall;
  getIdentity(argument: _isochrone_v1alpha1_GetIdentityRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_isochrone_v1alpha1_Identity__Output>): grpc.ClientUnaryCall;
  getIdentity(argument: _isochrone_v1alpha1_GetIdentityRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_isochrone_v1alpha1_Identity__Output>): grpc.ClientUnaryCall;
  getIdentity(argument: _isochrone_v1alpha1_GetIdentityRequest, callback: grpc.requestCallback<_isochrone_v1alpha1_Identity__Output>): grpc.ClientUnaryCall;
  
  Open(argument: _isochrone_v1alpha1_OpenRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_isochrone_v1alpha1_OpenReply__Output>): grpc.ClientUnaryCall;
  Open(argument: _isochrone_v1alpha1_OpenRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_isochrone_v1alpha1_OpenReply__Output>): grpc.ClientUnaryCall;
  Open(argument: _isochrone_v1alpha1_OpenRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_isochrone_v1alpha1_OpenReply__Output>): grpc.ClientUnaryCall;
  Open(argument: _isochrone_v1alpha1_OpenRequest, callback: grpc.requestCallback<_isochrone_v1alpha1_OpenReply__Output>): grpc.ClientUnaryCall;
  open(argument: _isochrone_v1alpha1_OpenRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_isochrone_v1alpha1_OpenReply__Output>): grpc.ClientUnaryCall;
  open(argument: _isochrone_v1alpha1_OpenRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_isochrone_v1alpha1_OpenReply__Output>): grpc.ClientUnaryCall;
  open(argument: _isochrone_v1alpha1_OpenRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_isochrone_v1alpha1_OpenReply__Output>): grpc.ClientUnaryCall;
  open(argument: _isochrone_v1alpha1_OpenRequest, callback: grpc.requestCallback<_isochrone_v1alpha1_OpenReply__Output>): grpc.ClientUnaryCall;
  
}

export interface VerifierHandlers extends grpc.UntypedServiceImplementation {
  Commit: grpc.handleClientStreamingCall<_isochrone_v1alpha1_CommitRequest__Output, _isochrone_v1alpha1_CommitReply>;
  
  GetIdentity: grpc.handleUnaryCall<_isochrone_v1alpha1_GetIdentityRequest__Output, _isochrone_v1alpha1_Identity>;
  
  Open: grpc.handleUnaryCall<_isochrone_v1alpha1_OpenRequest__Output, _isochrone_v1alpha1_OpenReply>;
  
}

export interface VerifierDefinition extends grpc.ServiceDefinition {
  Commit: MethodDefinition<_isochrone_v1alpha1_CommitRequest, _isochrone_v1alpha1_CommitReply, _isochrone_v1alpha1_CommitRequest__Output, _isochrone_v1alpha1_CommitReply__Output>
  GetIdentity: MethodDefinition<_isochrone_v1alpha1_GetIdentityRequest, _isochrone_v1alpha1_Identity, _isochrone_v1alpha1_GetIdentityRequest__Output, _isochrone_v1alpha1_Identity__Output>
  Open: MethodDefinition<_isochrone_v1alpha1_OpenRequest, _isochrone_v1alpha1_OpenReply, _isochrone_v1alpha1_OpenRequest__Output, _isochrone_v1alpha1_OpenReply__Output>
}
