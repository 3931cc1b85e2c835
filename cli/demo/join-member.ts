import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { ApiClient } from '@isochrone/kube';
import { eventually, type ControlPlane } from '@isochrone/tools/local';
import { CliError } from '../errors.ts';
import { acceptEdge } from '../kubectl/accept-edge.ts';
import { createEdgeToken } from '../kubectl/create-edge-token.ts';

const tokenMilliseconds = 3_600_000;

/**
 * As an administrator lets a member join: makes a token, puts it where the edge operator looks, and accepts who asks.
 * @param server where the member finds the hub; undefined: where this process does
 */
export async function joinMember(
  hub: ControlPlane,
  cluster: string,
  tokenFile: string,
  signal: AbortSignal | undefined,
  server?: string,
): Promise<void> {
  const client = await ApiClient.fromKubeconfig({ path: hub.adminKubeconfig });
  try {
    const source = { now: Date.now(), suffix: randomBytes(4).toString('hex') };
    const { text } = await createEdgeToken(client, { cluster, server, ttlMilliseconds: tokenMilliseconds }, source);
    await writeFile(tokenFile, text, { mode: 0o600 });
    await eventually(() => acceptEdge(client, cluster).catch(unlessEarly), {
      timeout: 60_000,
      interval: 250,
      describe: `the edge operator of EdgeCluster ${cluster} asks to join`,
      ...(signal && { signal }),
    });
  } finally {
    await client.close();
  }
}

/** Nobody has asked yet. */
function unlessEarly(error: unknown): false {
  if (error instanceof CliError && error.code === 'NOT_READY') return false;
  throw error;
}
