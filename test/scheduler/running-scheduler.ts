import { credentials, type requestCallback } from '@grpc/grpc-js';
import { loadProtos } from '@isochrone/api';
import type { HealthCheckResponse__Output } from '@isochrone/api/proto/grpc/health/v1/HealthCheckResponse';
import type { PlaceReply__Output } from '@isochrone/api/proto/isochrone/v1alpha1/PlaceReply';
import type { Placement__Output } from '@isochrone/api/proto/isochrone/v1alpha1/Placement';
import type { TaskRequest } from '@isochrone/api/proto/isochrone/v1alpha1/TaskRequest';
import { runScheduler, schedulerOptions } from '@isochrone/scheduler';
import { HealthChecks, loadOptions } from '@isochrone/service';
import { freePort } from '@isochrone/tools/local';
import pino from 'pino';
import { Registry } from 'prom-client';

/** The real program in this process, and a client of its gRPC port. */
export class RunningScheduler {
  readonly registry = new Registry();
  readonly health = new HealthChecks();
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;
  readonly #client;
  readonly #healthClient;

  static async start(kubeconfig: string, options: { assumeSeconds?: number } = {}): Promise<RunningScheduler> {
    return new RunningScheduler(kubeconfig, `127.0.0.1:${await freePort()}`, options.assumeSeconds ?? 60);
  }

  private constructor(kubeconfig: string, listenAddress: string, assumeSeconds: number) {
    const { isochrone, grpc } = loadProtos();
    this.#client = new isochrone.v1alpha1.Scheduler(listenAddress, credentials.createInsecure());
    this.#healthClient = new grpc.health.v1.Health(listenAddress, credentials.createInsecure());
    this.#ended = runScheduler(
      loadOptions(schedulerOptions, { flags: { kubeconfig, listenAddress, assumeSeconds: String(assumeSeconds) } }),
      {
        logger: pino({ level: 'error' }),
        registry: this.registry,
        health: this.health,
        signal: this.#stop.signal,
      },
    );
    // Whoever calls stop sees it; until then it must not count as unhandled.
    this.#ended.catch(() => undefined);
  }

  async place(...tasks: TaskRequest[]): Promise<Placement__Output[]> {
    return (await unary<PlaceReply__Output>((options, done) => this.#client.Place({ tasks }, options, done)))
      .placements;
  }
  async explain(...tasks: TaskRequest[]): Promise<Placement__Output[]> {
    return (await unary<PlaceReply__Output>((options, done) => this.#client.Explain({ tasks }, options, done)))
      .placements;
  }
  async servingStatus(service = ''): Promise<string> {
    const reply = await unary<HealthCheckResponse__Output>((options, done) =>
      this.#healthClient.Check({ service }, options, done),
    );
    return reply.status;
  }

  /** Aborts the signal as SIGTERM does. @returns milliseconds until the program had ended */
  async stop(): Promise<number> {
    const start = performance.now();
    this.#stop.abort();
    await this.#ended;
    this.#client.close();
    this.#healthClient.close();
    return performance.now() - start;
  }
}

async function unary<R>(call: (options: { deadline: number }, done: requestCallback<R>) => unknown): Promise<R> {
  return await new Promise((resolve, reject) => {
    call({ deadline: Date.now() + 10_000 }, (error, reply) => {
      if (error || reply === undefined) reject(error ?? new Error('no reply'));
      else resolve(reply);
    });
  });
}
