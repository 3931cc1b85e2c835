import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { AttemptKey as _isochrone_v1alpha1_AttemptKey, AttemptKey__Output as _isochrone_v1alpha1_AttemptKey__Output } from './isochrone/v1alpha1/AttemptKey.ts';
import type { Binding as _isochrone_v1alpha1_Binding, Binding__Output as _isochrone_v1alpha1_Binding__Output } from './isochrone/v1alpha1/Binding.ts';
import type { Candidate as _isochrone_v1alpha1_Candidate, Candidate__Output as _isochrone_v1alpha1_Candidate__Output } from './isochrone/v1alpha1/Candidate.ts';
import type { Explanation as _isochrone_v1alpha1_Explanation, Explanation__Output as _isochrone_v1alpha1_Explanation__Output } from './isochrone/v1alpha1/Explanation.ts';
import type { ModelDemand as _isochrone_v1alpha1_ModelDemand, ModelDemand__Output as _isochrone_v1alpha1_ModelDemand__Output } from './isochrone/v1alpha1/ModelDemand.ts';
import type { Origin as _isochrone_v1alpha1_Origin, Origin__Output as _isochrone_v1alpha1_Origin__Output } from './isochrone/v1alpha1/Origin.ts';
import type { PlaceReply as _isochrone_v1alpha1_PlaceReply, PlaceReply__Output as _isochrone_v1alpha1_PlaceReply__Output } from './isochrone/v1alpha1/PlaceReply.ts';
import type { PlaceRequest as _isochrone_v1alpha1_PlaceRequest, PlaceRequest__Output as _isochrone_v1alpha1_PlaceRequest__Output } from './isochrone/v1alpha1/PlaceRequest.ts';
import type { Placement as _isochrone_v1alpha1_Placement, Placement__Output as _isochrone_v1alpha1_Placement__Output } from './isochrone/v1alpha1/Placement.ts';
import type { Reject as _isochrone_v1alpha1_Reject, Reject__Output as _isochrone_v1alpha1_Reject__Output } from './isochrone/v1alpha1/Reject.ts';
import type { SchedulerClient as _isochrone_v1alpha1_SchedulerClient, SchedulerDefinition as _isochrone_v1alpha1_SchedulerDefinition } from './isochrone/v1alpha1/Scheduler.ts';
import type { Score as _isochrone_v1alpha1_Score, Score__Output as _isochrone_v1alpha1_Score__Output } from './isochrone/v1alpha1/Score.ts';
import type { TaskRequest as _isochrone_v1alpha1_TaskRequest, TaskRequest__Output as _isochrone_v1alpha1_TaskRequest__Output } from './isochrone/v1alpha1/TaskRequest.ts';
import type { WithdrawReply as _isochrone_v1alpha1_WithdrawReply, WithdrawReply__Output as _isochrone_v1alpha1_WithdrawReply__Output } from './isochrone/v1alpha1/WithdrawReply.ts';
import type { WithdrawRequest as _isochrone_v1alpha1_WithdrawRequest, WithdrawRequest__Output as _isochrone_v1alpha1_WithdrawRequest__Output } from './isochrone/v1alpha1/WithdrawRequest.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  isochrone: {
    v1alpha1: {
      AttemptKey: MessageTypeDefinition<_isochrone_v1alpha1_AttemptKey, _isochrone_v1alpha1_AttemptKey__Output>
      Binding: MessageTypeDefinition<_isochrone_v1alpha1_Binding, _isochrone_v1alpha1_Binding__Output>
      Candidate: MessageTypeDefinition<_isochrone_v1alpha1_Candidate, _isochrone_v1alpha1_Candidate__Output>
      Explanation: MessageTypeDefinition<_isochrone_v1alpha1_Explanation, _isochrone_v1alpha1_Explanation__Output>
      ModelDemand: MessageTypeDefinition<_isochrone_v1alpha1_ModelDemand, _isochrone_v1alpha1_ModelDemand__Output>
      Origin: MessageTypeDefinition<_isochrone_v1alpha1_Origin, _isochrone_v1alpha1_Origin__Output>
      PlaceReply: MessageTypeDefinition<_isochrone_v1alpha1_PlaceReply, _isochrone_v1alpha1_PlaceReply__Output>
      PlaceRequest: MessageTypeDefinition<_isochrone_v1alpha1_PlaceRequest, _isochrone_v1alpha1_PlaceRequest__Output>
      Placement: MessageTypeDefinition<_isochrone_v1alpha1_Placement, _isochrone_v1alpha1_Placement__Output>
      Reject: MessageTypeDefinition<_isochrone_v1alpha1_Reject, _isochrone_v1alpha1_Reject__Output>
      Scheduler: SubtypeConstructor<typeof grpc.Client, _isochrone_v1alpha1_SchedulerClient> & { service: _isochrone_v1alpha1_SchedulerDefinition }
      Score: MessageTypeDefinition<_isochrone_v1alpha1_Score, _isochrone_v1alpha1_Score__Output>
      Strategy: EnumTypeDefinition
      TaskRequest: MessageTypeDefinition<_isochrone_v1alpha1_TaskRequest, _isochrone_v1alpha1_TaskRequest__Output>
      WithdrawReply: MessageTypeDefinition<_isochrone_v1alpha1_WithdrawReply, _isochrone_v1alpha1_WithdrawReply__Output>
      WithdrawRequest: MessageTypeDefinition<_isochrone_v1alpha1_WithdrawRequest, _isochrone_v1alpha1_WithdrawRequest__Output>
    }
  }
}

