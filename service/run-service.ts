import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { ServiceError } from './errors.ts';
import { HealthChecks, type Health } from './health.ts';
import { createLogger, logLevels } from './logger.ts';
import { createRegistry } from './metrics.ts';
import { startMetricsServer } from './metrics-server.ts';
import { defineOptions, option, type OptionsOf } from './options.ts';

/** What a program gets from its process. */
export interface ServiceContext {
  readonly logger: Logger;
  readonly registry: Registry;
  readonly health: Health;
  /** Aborted when the process is to stop. */
  readonly signal: AbortSignal;
}

/** Options that every long-running program has beside its own. */
export const serviceOptions = defineOptions({
  metricsAddress: option.string({
    description: 'Where /metrics, /healthz and /readyz are served: host:port; port 0 takes a free one.',
    default: ':8080',
  }),
  logLevel: option.string({ description: 'Least level that is logged.', choices: logLevels, default: 'info' }),
});

/** A program that has not stopped by then is ended. Kubernetes' own default grace period is 30 s. */
const stopMilliseconds = 10_000;

/** Lets a program end on its own terms: it resolves after `context.signal` aborted and everything is stopped. */
export type Run = (context: ServiceContext) => Promise<void>;

/**
 * Runs a program as this process: logger, metrics and health server, SIGTERM and SIGINT. Resolves with the exit status;
 * what must end at once (an uncaught error, a program that does not stop within 10 s, a second signal) ends the process.
 * @param exitStatusOf for an error that the program ends with; default: of what this package refuses, else 1
 */
export async function runService(
  name: string,
  version: string,
  options: OptionsOf<typeof serviceOptions>,
  run: Run,
  exitStatusOf = (error: unknown): number => (error instanceof ServiceError ? error.exitStatus : 1),
): Promise<number> {
  const logger = createLogger({ program: name, level: options.logLevel });
  const registry = createRegistry(name, version);
  const health = new HealthChecks();
  const stop = new AbortController();

  const onSignal = (signal: NodeJS.Signals): void => {
    if (stop.signal.aborted) {
      logger.error({ signal }, 'second signal: ending without waiting');
      process.exit(1);
    }
    logger.info({ signal }, 'stopping');
    health.stopping();
    stop.abort();
    setTimeout(() => {
      logger.error({ milliseconds: stopMilliseconds }, 'the program did not stop in time: ending');
      process.exit(1);
    }, stopMilliseconds).unref();
  };
  const onUncaught = (error: unknown): void => {
    logger.error({ error }, 'uncaught error: ending');
    process.exit(1);
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  process.on('uncaughtException', onUncaught).on('unhandledRejection', onUncaught);

  // A program may wait for nothing but timers that do not keep the process alive.
  const keepAlive = setInterval(() => undefined, 2 ** 30);
  try {
    const server = await startMetricsServer(options.metricsAddress, registry, health);
    logger.info({ version, metricsAddress: server.address, pid: process.pid }, 'started');
    try {
      await run({ logger, registry, health, signal: stop.signal });
    } finally {
      await server.close();
    }
    if (!stop.signal.aborted) {
      throw new ServiceError('ENDED_EARLY', `${name} ended although nobody asked it to; see the lines above`);
    }
    logger.info({}, 'stopped');
    return 0;
  } catch (error) {
    logger.error({ error }, error instanceof Error ? error.message : String(error));
    return exitStatusOf(error);
  } finally {
    clearInterval(keepAlive);
    process.off('SIGTERM', onSignal).off('SIGINT', onSignal);
    process.off('uncaughtException', onUncaught).off('unhandledRejection', onUncaught);
  }
}
