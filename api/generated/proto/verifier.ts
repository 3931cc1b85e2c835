import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { CommitReply as _isochrone_v1alpha1_CommitReply, CommitReply__Output as _isochrone_v1alpha1_CommitReply__Output } from './isochrone/v1alpha1/CommitReply.ts';
import type { CommitRequest as _isochrone_v1alpha1_CommitRequest, CommitRequest__Output as _isochrone_v1alpha1_CommitRequest__Output } from './isochrone/v1alpha1/CommitRequest.ts';
import type { GetIdentityRequest as _isochrone_v1alpha1_GetIdentityRequest, GetIdentityRequest__Output as _isochrone_v1alpha1_GetIdentityRequest__Output } from './isochrone/v1alpha1/GetIdentityRequest.ts';
import type { Identity as _isochrone_v1alpha1_Identity, Identity__Output as _isochrone_v1alpha1_Identity__Output } from './isochrone/v1alpha1/Identity.ts';
import type { OpenReply as _isochrone_v1alpha1_OpenReply, OpenReply__Output as _isochrone_v1alpha1_OpenReply__Output } from './isochrone/v1alpha1/OpenReply.ts';
import type { OpenRequest as _isochrone_v1alpha1_OpenRequest, OpenRequest__Output as _isochrone_v1alpha1_OpenRequest__Output } from './isochrone/v1alpha1/OpenRequest.ts';
import type { Opening as _isochrone_v1alpha1_Opening, Opening__Output as _isochrone_v1alpha1_Opening__Output } from './isochrone/v1alpha1/Opening.ts';
import type { Record as _isochrone_v1alpha1_Record, Record__Output as _isochrone_v1alpha1_Record__Output } from './isochrone/v1alpha1/Record.ts';
import type { RecordTensor as _isochrone_v1alpha1_RecordTensor, RecordTensor__Output as _isochrone_v1alpha1_RecordTensor__Output } from './isochrone/v1alpha1/RecordTensor.ts';
import type { VerifierClient as _isochrone_v1alpha1_VerifierClient, VerifierDefinition as _isochrone_v1alpha1_VerifierDefinition } from './isochrone/v1alpha1/Verifier.ts';
import type { WindowHeader as _isochrone_v1alpha1_WindowHeader, WindowHeader__Output as _isochrone_v1alpha1_WindowHeader__Output } from './isochrone/v1alpha1/WindowHeader.ts';
import type { WindowShard as _isochrone_v1alpha1_WindowShard, WindowShard__Output as _isochrone_v1alpha1_WindowShard__Output } from './isochrone/v1alpha1/WindowShard.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  isochrone: {
    v1alpha1: {
      CommitReply: MessageTypeDefinition<_isochrone_v1alpha1_CommitReply, _isochrone_v1alpha1_CommitReply__Output>
      CommitRequest: MessageTypeDefinition<_isochrone_v1alpha1_CommitRequest, _isochrone_v1alpha1_CommitRequest__Output>
      GetIdentityRequest: MessageTypeDefinition<_isochrone_v1alpha1_GetIdentityRequest, _isochrone_v1alpha1_GetIdentityRequest__Output>
      Identity: MessageTypeDefinition<_isochrone_v1alpha1_Identity, _isochrone_v1alpha1_Identity__Output>
      OpenReply: MessageTypeDefinition<_isochrone_v1alpha1_OpenReply, _isochrone_v1alpha1_OpenReply__Output>
      OpenRequest: MessageTypeDefinition<_isochrone_v1alpha1_OpenRequest, _isochrone_v1alpha1_OpenRequest__Output>
      Opening: MessageTypeDefinition<_isochrone_v1alpha1_Opening, _isochrone_v1alpha1_Opening__Output>
      Record: MessageTypeDefinition<_isochrone_v1alpha1_Record, _isochrone_v1alpha1_Record__Output>
      RecordTensor: MessageTypeDefinition<_isochrone_v1alpha1_RecordTensor, _isochrone_v1alpha1_RecordTensor__Output>
      Verifier: SubtypeConstructor<typeof grpc.Client, _isochrone_v1alpha1_VerifierClient> & { service: _isochrone_v1alpha1_VerifierDefinition }
      WindowHeader: MessageTypeDefinition<_isochrone_v1alpha1_WindowHeader, _isochrone_v1alpha1_WindowHeader__Output>
      WindowShard: MessageTypeDefinition<_isochrone_v1alpha1_WindowShard, _isochrone_v1alpha1_WindowShard__Output>
    }
  }
}

