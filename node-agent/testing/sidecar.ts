import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { runVerifier } from '../verifier.ts';
import { VerifierClient } from '../verifier/verifier-client.ts';

export interface Sidecar extends AsyncDisposable {
  readonly client: VerifierClient;
  readonly socket: string;
  readonly directory: string;
  readonly registry: Registry;
}

/** A real sidecar on a real socket. */
export async function startSidecar(directory?: string): Promise<Sidecar> {
  const folder = directory ?? (await mkdtemp(join(tmpdir(), 'sidecar-')));
  if (directory === undefined) after(() => rm(folder, { recursive: true, force: true }));
  const socket = join(folder, 'run', 'v.sock');
  const stop = new AbortController();
  const registry = new Registry();
  const serving = Promise.withResolvers<undefined>();
  const health = { readiness: () => serving.resolve(undefined) };
  const options = {
    stateDirectory: join(folder, 'state'),
    verifierSocket: socket,
    openingRetentionHours: 1,
    maxRecordMebibytes: 8,
  };
  const running = runVerifier(options, { logger: pino({ level: 'silent' }), registry, health, signal: stop.signal });
  await Promise.race([serving.promise, running]);
  const client = new VerifierClient(socket);
  const dispose = async (): Promise<void> => {
    client[Symbol.dispose]();
    stop.abort();
    await running;
  };
  return { client, socket, directory: folder, registry, [Symbol.asyncDispose]: dispose };
}
