import {
  Server,
  ServerCredentials,
  experimental,
  status,
  type ServerUnaryCall,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { loadProtos } from '@isochrone/api';
import type { HealthHandlers } from '@isochrone/api/proto/grpc/health/v1/Health';
import type { PlaceReply } from '@isochrone/api/proto/isochrone/v1alpha1/PlaceReply';
import type { PlaceRequest__Output } from '@isochrone/api/proto/isochrone/v1alpha1/PlaceRequest';
import type { WithdrawReply } from '@isochrone/api/proto/isochrone/v1alpha1/WithdrawReply';
import type { SchedulerHandlers } from '@isochrone/api/proto/isochrone/v1alpha1/Scheduler';
import type { Logger } from '@isochrone/kube';
import { ServiceError, type TlsFiles } from '@isochrone/service';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { SchedulerError, schedulerErrors } from './errors.ts';
import type { SchedulerMetrics } from './metrics.ts';
import type { Placement, Scheduler } from './scheduler.ts';
import { validateRequest, validateWithdrawal } from './validate-request.ts';

const SERVICE = 'isochrone.v1alpha1.Scheduler';

/** Other calls, such as health checks, wait no longer than about this for a batch. */
const SLICE_MILLISECONDS = 20;

/** Calls under way get this long at the end; the rest of the 10 s is for the watches. */
const DRAIN_MILLISECONDS = 5_000;

const channelOptions = {
  'grpc.max_receive_message_length': 4 * 1024 * 1024,
  'grpc.max_send_message_length': 4 * 1024 * 1024,
  'grpc.keepalive_time_ms': 30_000,
  'grpc.keepalive_timeout_ms': 10_000,
  'grpc.keepalive_permit_without_calls': 1,
};

/**
 * Mutual TLS from files that are read again when they change: new connections then use the new ones.
 * @param refreshMilliseconds how often they are looked at
 */
export function tlsServerCredentials(files: TlsFiles, refreshMilliseconds = 30_000): ServerCredentials {
  const provider = new experimental.FileWatcherCertificateProvider({
    certificateFile: files.certificate,
    privateKeyFile: files.key,
    caCertificateFile: files.authority,
    refreshIntervalMs: refreshMilliseconds,
  });
  return experimental.createCertificateProviderServerCredentials(provider, provider, true);
}

export interface SchedulerServerOptions {
  readonly scheduler: Scheduler;
  readonly metrics: SchedulerMetrics;
  readonly logger: Logger;
  /** True, or why placements cannot be decided yet. */
  readonly readiness: () => true | string;
}

/** The gRPC front of a {@link Scheduler}: limits, validation, errors, health. */
export class SchedulerServer {
  readonly #server = new Server(channelOptions);
  readonly #options: SchedulerServerOptions;
  #isStopping = false;

  constructor(options: SchedulerServerOptions) {
    this.#options = options;
    const { grpc, isochrone } = loadProtos();
    const scheduler: SchedulerHandlers = {
      Place: (call, reply) => void this.#answer(call, reply, async () => asReply(await this.#place(call))),
      Explain: (call, reply) =>
        void this.#answer(call, reply, () => asReply(options.scheduler.explain(validateRequest(call.request)))),
      Withdraw: (call, reply) =>
        void this.#answer(call, reply, (): WithdrawReply => {
          for (const key of validateWithdrawal(call.request)) options.scheduler.withdraw(key);
          return {};
        }),
    };
    const health: HealthHandlers = {
      Check: ({ request: { service } }, reply) => {
        if (service === '' || service === SERVICE) return reply(null, { status: this.#servingStatus() });
        const { grpc: code } = schedulerErrors.SERVICE_UNKNOWN;
        reply({ code, details: `service is ${JSON.stringify(service)}; ask for ${SERVICE} or leave it empty` });
      },
    };
    this.#server.addService(isochrone.v1alpha1.Scheduler.service, scheduler);
    this.#server.addService(grpc.health.v1.Health.service, health);
  }

  /**
   * @param address host:port
   * @returns the port that was bound
   * @throws ServiceError ADDRESS_UNAVAILABLE
   */
  async listen(address: string, credentials = ServerCredentials.createInsecure()): Promise<number> {
    return await new Promise((resolve, reject) => {
      this.#server.bindAsync(address, credentials, (cause, port) => {
        if (cause === null) resolve(port);
        else {
          const message = `--listen-address ${address}: ${cause.message}; stop what listens there or choose another address`;
          reject(new ServiceError('ADDRESS_UNAVAILABLE', message, { cause }));
        }
      });
    });
  }

  /** Finishes the calls under way, and cuts them off after {@link DRAIN_MILLISECONDS}. */
  async close(): Promise<void> {
    this.#isStopping = true;
    await new Promise<void>((resolve) => {
      const cut = setTimeout(() => this.#server.forceShutdown(), DRAIN_MILLISECONDS);
      this.#server.tryShutdown((error) => {
        clearTimeout(cut);
        if (error) this.#options.logger.warn({ error }, 'the gRPC server was not running');
        resolve();
      });
    });
  }

  #servingStatus(): 'SERVING' | 'NOT_SERVING' {
    return !this.#isStopping && this.#options.readiness() === true ? 'SERVING' : 'NOT_SERVING';
  }

  async #place(call: ServerUnaryCall<PlaceRequest__Output, PlaceReply>): Promise<Placement[]> {
    const { scheduler, metrics } = this.#options;
    const placements: Placement[] = [];
    let sliceEnd = performance.now() + SLICE_MILLISECONDS;
    for (const request of validateRequest(call.request)) {
      const start = performance.now();
      if (start > sliceEnd) {
        await nextTurn();
        sliceEnd = performance.now() + SLICE_MILLISECONDS;
      }
      if (call.cancelled)
        throw new SchedulerError('CALL_ABANDONED', `after ${placements.length} placements; call again`);
      const placement = scheduler.place(request);
      metrics.observe(placement, (performance.now() - start) / 1000);
      placements.push(placement);
    }
    return placements;
  }

  async #answer<Request, Reply>(
    call: ServerUnaryCall<Request, Reply>,
    reply: sendUnaryData<Reply>,
    decide: () => Reply | Promise<Reply>,
  ): Promise<void> {
    const { metrics, readiness } = this.#options;
    const method = call.getPath().split('/').at(-1)!;
    try {
      const ready = readiness();
      if (ready !== true) throw new SchedulerError('NOT_READY', `${ready}; try again`);
      const decided = await decide();
      metrics.answered(method, 'OK');
      reply(null, decided);
    } catch (error) {
      const refusal = this.#statusOf(error, call.getPath());
      metrics.answered(method, status[refusal.code]);
      reply(refusal);
    }
  }

  #statusOf(error: unknown, method: string): { code: status; details: string } {
    if (error instanceof SchedulerError && error.code !== 'INTERNAL') {
      return { code: schedulerErrors[error.code].grpc, details: `${error.code}: ${error.message}` };
    }
    this.#options.logger.error({ error, method }, 'a call failed by a defect of the scheduler');
    return { code: status.INTERNAL, details: 'INTERNAL: the log of the scheduler has the details' };
  }
}

function asReply(placements: Placement[]): PlaceReply {
  return { placements: placements as PlaceReply['placements'] & object };
}
