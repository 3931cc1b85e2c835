// Original file: proto/isochrone/v1alpha1/scheduler.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { PlaceReply as _isochrone_v1alpha1_PlaceReply, PlaceReply__Output as _isochrone_v1alpha1_PlaceReply__Output } from '../../isochrone/v1alpha1/PlaceReply.ts';
import type { PlaceRequest as _isochrone_v1alpha1_PlaceRequest, PlaceRequest__Output as _isochrone_v1alpha1_PlaceRequest__Output } from '../../isochrone/v1alpha1/PlaceRequest.ts';
import type { WithdrawReply as _isochrone_v1alpha1_WithdrawReply, WithdrawReply__Output as _isochrone_v1alpha1_WithdrawReply__Output } from '../../isochrone/v1alpha1/WithdrawReply.ts';
import type { WithdrawRequest as _isochrone_v1alpha1_WithdrawRequest, WithdrawRequest__Output as _isochrone_v1alpha1_WithdrawRequest__Output } from '../../isochrone/v1alpha1/WithdrawRequest.ts';

export interface SchedulerClient extends grpc.Client {
  Explain(argument: _isochrone_v1alpha1_PlaceRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_isochrone_v1alpha1_PlaceReply__Output>): grpc.ClientUnaryCall;
  Explain(argument: _isochrone_v1alpha1_PlaceRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_isochrone_v1alpha1_PlaceReply__Output>): grpc.ClientUnaryCall;
  Explain(argument: _isochrone_v1alpha1_PlaceRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_isochrone_v1alpha1_PlaceReply__Output>): grpc.ClientUnaryCall;
  Explain(argument: _isochrone_v1alpha1_PlaceRequest, callback: grpc.requestCallback<_isochrone_v1alpha1_PlaceReply__Output>): grpc.ClientUnaryCall;
  explain(argument: _isochrone_v1alpha1_PlaceRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_isochrone_v1alpha1_PlaceReply__Output>): grpc.ClientUnaryCall;
  explain(argument: _isochrone_v1alpha1_PlaceRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_isochrone_v1alpha1_PlaceReply__Output>): grpc.ClientUnaryCall;
  explain(argument: _isochrone_v1alpha1_PlaceRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_isochrone_v1alpha1_PlaceReply__Output>): grpc.ClientUnaryCall;
  explain(argument: _isochrone_v1alpha1_PlaceRequest, callback: grpc.requestCallback<_isochrone_v1alpha1_PlaceReply__Output>): grpc.ClientUnaryCall;
  
  Place(argument: _isochrone_v1alpha1_PlaceRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_isochrone_v1alpha1_PlaceReply__Output>): grpc.ClientUnaryCall;
  Place(argument: _isochrone_v1alpha1_PlaceRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_isochrone_v1alpha1_PlaceReply__Output>): grpc.ClientUnaryCall;
  Place(argument: _isochrone_v1alpha1_PlaceRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_isochrone_v1alpha1_PlaceReply__Output>): grpc.ClientUnaryCall;
  Place(argument: _isochrone_v1alpha1_PlaceRequest, callback: grpc.requestCallback<_isochrone_v1alpha1_PlaceReply__Output>): grpc.ClientUnaryCall;
  place(argument: _isochrone_v1alpha1_PlaceRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_isochrone_v1alpha1_PlaceReply__Output>): grpc.ClientUnaryCall;
  place(argument: _isochrone_v1alpha1_PlaceRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_isochrone_v1alpha1_PlaceReply__Output>): grpc.ClientUnaryCall;
  place(argument: _isochrone_v1alpha1_PlaceRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_isochrone_v1alpha1_PlaceReply__Output>): grpc.ClientUnaryCall;
  place(argument: _isochrone_v1alpha1_PlaceRequest, callback: grpc.requestCallback<_isochrone_v1alpha1_PlaceReply__Output>): grpc.ClientUnaryCall;
  
  Withdraw(argument: _isochrone_v1alpha1_WithdrawRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_isochrone_v1alpha1_WithdrawReply__Output>): grpc.ClientUnaryCall;
  Withdraw(argument: _isochrone_v1alpha1_WithdrawRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_isochrone_v1alpha1_WithdrawReply__Output>): grpc.ClientUnaryCall;
  Withdraw(argument: _isochrone_v1alpha1_WithdrawRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_isochrone_v1alpha1_WithdrawReply__Output>): grpc.ClientUnaryCall;
  Withdraw(argument: _isochrone_v1alpha1_WithdrawRequest, callback: grpc.requestCallback<_isochrone_v1alpha1_WithdrawReply__Output>): grpc.ClientUnaryCall;
  withdraw(argument: _isochrone_v1alpha1_WithdrawRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_isochrone_v1alpha1_WithdrawReply__Output>): grpc.ClientUnaryCall;
  withdraw(argument: _isochrone_v1alpha1_WithdrawRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_isochrone_v1alpha1_WithdrawReply__Output>): grpc.ClientUnaryCall;
  withdraw(argument: _isochrone_v1alpha1_WithdrawRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_isochrone_v1alpha1_WithdrawReply__Output>): grpc.ClientUnaryCall;
  withdraw(argument: _isochrone_v1alpha1_WithdrawRequest, callback: grpc.requestCallback<_isochrone_v1alpha1_WithdrawReply__Output>): grpc.ClientUnaryCall;
  
}

export interface SchedulerHandlers extends grpc.UntypedServiceImplementation {
  Explain: grpc.handleUnaryCall<_isochrone_v1alpha1_PlaceRequest__Output, _isochrone_v1alpha1_PlaceReply>;
  
  Place: grpc.handleUnaryCall<_isochrone_v1alpha1_PlaceRequest__Output, _isochrone_v1alpha1_PlaceReply>;
  
  Withdraw: grpc.handleUnaryCall<_isochrone_v1alpha1_WithdrawRequest__Output, _isochrone_v1alpha1_WithdrawReply>;
  
}

export interface SchedulerDefinition extends grpc.ServiceDefinition {
  Explain: MethodDefinition<_isochrone_v1alpha1_PlaceRequest, _isochrone_v1alpha1_PlaceReply, _isochrone_v1alpha1_PlaceRequest__Output, _isochrone_v1alpha1_PlaceReply__Output>
  Place: MethodDefinition<_isochrone_v1alpha1_PlaceRequest, _isochrone_v1alpha1_PlaceReply, _isochrone_v1alpha1_PlaceRequest__Output, _isochrone_v1alpha1_PlaceReply__Output>
  Withdraw: MethodDefinition<_isochrone_v1alpha1_WithdrawRequest, _isochrone_v1alpha1_WithdrawReply, _isochrone_v1alpha1_WithdrawRequest__Output, _isochrone_v1alpha1_WithdrawReply__Output>
}
