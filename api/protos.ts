/** Loads the gRPC contracts with the options that the generated types were made for. */
import { loadPackageDefinition } from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import type { ProtoGrpcType as HealthProtos } from './generated/proto/health.ts';
import type { ProtoGrpcType as SchedulerProtos } from './generated/proto/scheduler.ts';
import type { ProtoGrpcType as VerifierProtos } from './generated/proto/verifier.ts';
import contracts from './generated/protos.json' with { type: 'json' };

export type Protos = SchedulerProtos & VerifierProtos & HealthProtos;

/**
 * From their generated form, which is a module and so travels wherever the code goes, into a bundle too. 64-bit numbers
 * arrive as numbers: each is a count, an index or micro-currency far below 2^53.
 */
export function loadProtos(): Protos {
  const source: object = contracts;
  const definition = fromJSON(source, {
    longs: Number,
    enums: String,
    defaults: true,
    oneofs: true,
  });
  return loadPackageDefinition(definition) as unknown as Protos;
}
