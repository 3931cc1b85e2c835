import { join } from 'node:path';
import type { ControlPlane } from '@isochrone/tools/local';
import { kubectl } from '@isochrone/tools/local';

const crds = join(import.meta.dirname, '..', '..', 'crds');

/** Applies every file of crds/ and waits until the API server serves them. */
export async function applyCrds({ adminKubeconfig }: Pick<ControlPlane, 'adminKubeconfig'>): Promise<void> {
  await kubectl(adminKubeconfig, ['apply', '--server-side', '-f', crds]);
  await kubectl(adminKubeconfig, ['wait', '--for=condition=Established', '--timeout=30s', '-f', crds]);
}
