import { chmod, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { loadProtos } from '@isochrone/api';
import { systemClock } from '@isochrone/kube';
import { defineOptions, option, type OptionsOf, type ServiceContext } from '@isochrone/service';
import { AgentError } from './errors.ts';
import { verifierMetrics } from './verifier/metrics.ts';
import { loadNodeKey } from './verifier/node-key.ts';
import { ReceiptLog } from './verifier/receipt-log.ts';
import { verifierHandlers } from './verifier/service.ts';

export { verifierMetrics } from './verifier/metrics.ts';

export const verifierOptions = defineOptions({
  stateDirectory: option.string({
    description: 'Folder of the key and the receipts; keep it with the node, and away from the agent.',
    default: '/var/lib/isochrone/verifier',
  }),
  verifierSocket: option.string({ description: 'Unix socket to serve.', default: '/run/isochrone/verifier.sock' }),
  openingRetentionHours: option.integer({
    description: 'Hours that a window can be opened after it was signed.',
    default: 168,
    minimum: 1,
  }),
  maxRecordMebibytes: option.integer({
    description: 'Largest input and output of one record together, MiB.',
    default: 256,
    minimum: 1,
    maximum: 1024,
  }),
});

/** The kernel refuses a path of more than 107 bytes, and the socket is first bound in a folder beside its place. */
const MAX_SOCKET_PATH = 98;
const sweepMilliseconds = 600_000;
const stopMilliseconds = 5_000;

/**
 * The sidecar: holds the key and serves the agent on a Unix socket that only its own user may open.
 * @throws AgentError STATE_DIRECTORY_LOCKED, STATE_INVALID, OPTION_INVALID
 */
export async function runVerifier(options: OptionsOf<typeof verifierOptions>, context: ServiceContext): Promise<void> {
  const { stateDirectory, verifierSocket, openingRetentionHours, maxRecordMebibytes } = options;
  const { logger, signal } = context;
  if (Buffer.byteLength(verifierSocket) > MAX_SOCKET_PATH) {
    throw new AgentError(
      'OPTION_INVALID',
      `verifierSocket has more than ${MAX_SOCKET_PATH} bytes: ${verifierSocket}; choose a shorter path`,
    );
  }
  using log = new ReceiptLog(stateDirectory);
  const key = await loadNodeKey(stateDirectory);
  const clock = systemClock;
  const mebibyte = 1024 * 1024;
  const server = new Server({
    'grpc.max_receive_message_length': maxRecordMebibytes * mebibyte + mebibyte,
    // Each window holds 32 bytes for a record, and a message in flight.
    'grpc.max_concurrent_streams': 64,
  });
  const { Verifier } = loadProtos().isochrone.v1alpha1;
  const handlers = verifierHandlers({ key, log, clock, logger, metrics: verifierMetrics(context.registry) });
  server.addService(Verifier.service, { ...handlers });
  await listen(server, verifierSocket);
  let serving = true;
  context.health.readiness('socket', () => serving || `${verifierSocket} is closed`);
  logger.info({ publicKey: Buffer.from(key.rawPublicKey).toString('base64'), verifierSocket }, 'verifier serves');
  try {
    while (!signal.aborted) {
      log.forgetLeaves(clock.now() - openingRetentionHours * 3_600_000);
      await clock.sleep(sweepMilliseconds, signal).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    }
  } finally {
    serving = false;
    await stop(server);
    await rm(verifierSocket, { force: true });
  }
}

/** Binds in a folder of its own and moves the socket out with its permissions set: nobody else may connect meanwhile. */
async function listen(server: Server, socket: string): Promise<void> {
  await mkdir(dirname(socket), { recursive: true, mode: 0o700 });
  const folder = await mkdtemp(join(dirname(socket), '.v'));
  const bound = join(folder, 's');
  try {
    await new Promise<void>((resolve, reject) => {
      server.bindAsync(`unix:${bound}`, ServerCredentials.createInsecure(), (error) =>
        error === null ? resolve() : reject(error),
      );
    });
    await chmod(bound, 0o600);
    // Replaces the socket of a dead sidecar: the lock on the state directory says that no other one serves.
    await rename(bound, socket);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function stop(server: Server): Promise<void> {
  const ended = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
  const timer = systemClock.setTimeout(() => server.forceShutdown(), stopMilliseconds);
  await ended;
  timer.cancel();
}
