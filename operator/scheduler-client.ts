import {
  credentials,
  experimental,
  status,
  type CallOptions,
  type ChannelCredentials,
  type ClientUnaryCall,
  type ServiceError,
} from '@grpc/grpc-js';
import { loadProtos } from '@isochrone/api';
import type { Binding__Output } from '@isochrone/api/proto/isochrone/v1alpha1/Binding';
import type { Explanation__Output } from '@isochrone/api/proto/isochrone/v1alpha1/Explanation';
import type { Placement__Output } from '@isochrone/api/proto/isochrone/v1alpha1/Placement';
import type { AttemptKey } from '@isochrone/api/proto/isochrone/v1alpha1/AttemptKey';
import type { PlaceReply__Output } from '@isochrone/api/proto/isochrone/v1alpha1/PlaceReply';
import type { TaskRequest } from '@isochrone/api/proto/isochrone/v1alpha1/TaskRequest';
import type { TlsFiles } from '@isochrone/service';
import { OperatorError } from './errors.ts';

export type { AttemptKey, TaskRequest };
export type Binding = Binding__Output;
export type Explanation = Explanation__Output;
export type Placement = Placement__Output;

/** What the operator needs of the scheduler. */
export interface SchedulerClient {
  /** One placement for each request, in order. @throws OperatorError SCHEDULER_UNAVAILABLE, SCHEDULER_REFUSED */
  place(tasks: readonly TaskRequest[], signal?: AbortSignal): Promise<Placement[]>;
  /** Gives back placements that are not used. @throws OperatorError SCHEDULER_UNAVAILABLE, SCHEDULER_REFUSED */
  withdraw(attempts: readonly AttemptKey[], signal?: AbortSignal): Promise<void>;
  close(): void;
}

export interface SchedulerClientOptions {
  /** host:port or any other gRPC target. */
  readonly address: string;
  /** Mutual TLS; without it the calls are plaintext. The certificate of the scheduler must name the host of the address. */
  readonly tls?: TlsFiles | undefined;
  /** How often the files are looked at. Default 30 000. */
  readonly refreshMilliseconds?: number;
  /** Default 10 000. */
  readonly timeoutMilliseconds?: number;
}

/** What one call carries (proto/isochrone/v1alpha1/scheduler.proto). */
const mostTasksPerCall = 512;

/** Calls the scheduler's `Place`. It is idempotent by work UID and attempt, so a call that timed out is simply made again. */
export function createSchedulerClient({
  address,
  tls,
  refreshMilliseconds = 30_000,
  timeoutMilliseconds = 10_000,
}: SchedulerClientOptions): SchedulerClient {
  const { Scheduler } = loadProtos().isochrone.v1alpha1;
  const client = new Scheduler(
    address,
    tls === undefined ? credentials.createInsecure() : tlsCredentials(tls, refreshMilliseconds),
  );
  /** One unary call with the deadline, cut off when the signal aborts. */
  const call = async <T>(
    signal: AbortSignal | undefined,
    start: (options: CallOptions, reply: (error: ServiceError | null, value?: T) => void) => ClientUnaryCall,
  ): Promise<T> =>
    await new Promise<T>((resolve, reject) => {
      const under = start({ deadline: Date.now() + timeoutMilliseconds }, (error, value) => {
        signal?.removeEventListener('abort', cancel);
        if (error) reject(failure(address, error));
        else if (value === undefined)
          reject(new OperatorError('SCHEDULER_UNAVAILABLE', `scheduler ${address} sent no reply`));
        else resolve(value);
      });
      const cancel = (): void => under.cancel();
      signal?.addEventListener('abort', cancel, { once: true });
    });
  return {
    async place(tasks, signal) {
      const placements: Placement[] = [];
      for (const batch of batches(tasks)) {
        const reply = await call<PlaceReply__Output>(signal, (options, done) =>
          client.Place({ tasks: batch }, options, done),
        );
        if (reply.placements.length !== batch.length) {
          throw new OperatorError(
            'SCHEDULER_UNAVAILABLE',
            `scheduler ${address} answered ${reply.placements.length} placements to ${batch.length} requests`,
          );
        }
        placements.push(...reply.placements);
      }
      return placements;
    },
    async withdraw(attempts, signal) {
      for (const batch of batches(attempts)) {
        await call(signal, (options, done) => client.Withdraw({ attempts: batch }, options, done));
      }
    },
    close: () => client.close(),
  };
}

function batches<T>(items: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(items.length / mostTasksPerCall) }, (_, index) =>
    items.slice(index * mostTasksPerCall, (index + 1) * mostTasksPerCall),
  );
}

function tlsCredentials(files: TlsFiles, refreshMilliseconds: number): ChannelCredentials {
  const provider = new experimental.FileWatcherCertificateProvider({
    certificateFile: files.certificate,
    privateKeyFile: files.key,
    caCertificateFile: files.authority,
    refreshIntervalMs: refreshMilliseconds,
  });
  return experimental.createCertificateProviderChannelCredentials(provider, provider);
}

/** A request that the scheduler will never take is not the same as a scheduler that does not answer. */
function failure(address: string, error: ServiceError): OperatorError {
  const name = status[error.code] ?? String(error.code);
  const code = error.code === status.INVALID_ARGUMENT ? 'SCHEDULER_REFUSED' : 'SCHEDULER_UNAVAILABLE';
  return new OperatorError(code, `scheduler ${address}: ${name} ${error.details}`, { cause: error });
}
