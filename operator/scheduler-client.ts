import { credentials, experimental, status, type ChannelCredentials, type ServiceError } from '@grpc/grpc-js';
import { loadProtos } from '@isochrone/api';
import type { Binding__Output } from '@isochrone/api/proto/isochrone/v1alpha1/Binding';
import type { Explanation__Output } from '@isochrone/api/proto/isochrone/v1alpha1/Explanation';
import type { Placement__Output } from '@isochrone/api/proto/isochrone/v1alpha1/Placement';
import type { PlaceReply__Output } from '@isochrone/api/proto/isochrone/v1alpha1/PlaceReply';
import type { TaskRequest } from '@isochrone/api/proto/isochrone/v1alpha1/TaskRequest';
import type { TlsFiles } from '@isochrone/service';
import { OperatorError } from './errors.ts';

export type { TaskRequest };
export type Binding = Binding__Output;
export type Explanation = Explanation__Output;
export type Placement = Placement__Output;

/** What the operator needs of the scheduler. */
export interface SchedulerClient {
  /** One placement for each request, in order. @throws OperatorError SCHEDULER_UNAVAILABLE */
  place(tasks: readonly TaskRequest[], signal?: AbortSignal): Promise<Placement[]>;
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

/** What one `Place` carries (proto/isochrone/v1alpha1/scheduler.proto). */
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
  const placeBatch = async (tasks: readonly TaskRequest[], signal: AbortSignal | undefined): Promise<Placement[]> => {
    const reply = await new Promise<PlaceReply__Output>((resolve, reject) => {
      const deadline = Date.now() + timeoutMilliseconds;
      const call = client.Place({ tasks: [...tasks] }, { deadline }, (error: ServiceError | null, value) => {
        signal?.removeEventListener('abort', cancel);
        if (error) reject(unavailable(address, error));
        else if (value === undefined)
          reject(new OperatorError('SCHEDULER_UNAVAILABLE', `scheduler ${address} sent no reply`));
        else resolve(value);
      });
      const cancel = (): void => call.cancel();
      signal?.addEventListener('abort', cancel, { once: true });
    });
    if (reply.placements.length !== tasks.length) {
      throw new OperatorError(
        'SCHEDULER_UNAVAILABLE',
        `scheduler ${address} answered ${reply.placements.length} placements to ${tasks.length} requests`,
      );
    }
    return reply.placements;
  };
  return {
    async place(tasks, signal) {
      const placements: Placement[] = [];
      for (let first = 0; first < tasks.length; first += mostTasksPerCall) {
        placements.push(...(await placeBatch(tasks.slice(first, first + mostTasksPerCall), signal)));
      }
      return placements;
    },
    close: () => client.close(),
  };
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

function unavailable(address: string, error: ServiceError): OperatorError {
  const code = status[error.code] ?? String(error.code);
  return new OperatorError('SCHEDULER_UNAVAILABLE', `scheduler ${address}: ${code} ${error.details}`, { cause: error });
}
