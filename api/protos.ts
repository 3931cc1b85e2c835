/** Loads the gRPC contracts with the options that the generated types were made for. */
import { join } from 'node:path';
import { loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { ProtoGrpcType as HealthProtos } from './generated/proto/health.ts';
import type { ProtoGrpcType as SchedulerProtos } from './generated/proto/scheduler.ts';
import type { ProtoGrpcType as VerifierProtos } from './generated/proto/verifier.ts';

export type Protos = SchedulerProtos & VerifierProtos & HealthProtos;

/** 64-bit numbers arrive as numbers: each is a count, an index or micro-currency far below 2^53. */
export function loadProtos(): Protos {
  const folder = join(import.meta.dirname, '..', 'proto');
  const files = ['scheduler.proto', 'verifier.proto'].map((name) => join('isochrone', 'v1alpha1', name));
  const definition = loadSync([...files, join('grpc', 'health', 'v1', 'health.proto')], {
    includeDirs: [folder],
    longs: Number,
    enums: String,
    defaults: true,
    oneofs: true,
  });
  return loadPackageDefinition(definition) as unknown as Protos;
}
