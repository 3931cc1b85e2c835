import { join } from 'node:path';
import type { Run } from './run.ts';
import { members, objectsContainer, type KindMember } from './topology.ts';

/** A kubeconfig of our own: that of the user stays as it is. */
export function kubeconfigOf(folder: string, { cluster }: KindMember): string {
  return join(folder, `${cluster}.kubeconfig`);
}

/** @returns those of our clusters that there are */
export async function existingClusters(run: Run): Promise<KindMember[]> {
  const names = (await run('kind', ['get', 'clusters'])).split('\n');
  return members.filter(({ cluster }) => names.includes(cluster));
}

/** @param image of the nodes; default: that of the installed kind */
export async function ensureCluster(
  run: Run,
  member: KindMember,
  { exists, folder, image }: { readonly exists: boolean; readonly folder: string; readonly image?: string | undefined },
): Promise<void> {
  const where = ['--name', member.cluster, '--kubeconfig', kubeconfigOf(folder, member)];
  if (exists) await run('kind', ['export', 'kubeconfig', ...where]);
  else await run('kind', ['create', 'cluster', ...where, '--wait', '5m', ...(image ? ['--image', image] : [])]);
}

/** Where the other clusters reach the API server: its certificate is for this address too. */
export async function serverOf(run: Run, { cluster }: KindMember): Promise<string> {
  const format = '{{.NetworkSettings.Networks.kind.IPAddress}}';
  return `https://${(await run('docker', ['inspect', '--format', format, `${cluster}-control-plane`])).trim()}:6443`;
}

export async function loadImages(run: Run, { cluster }: KindMember, archives: readonly string[]): Promise<void> {
  for (const archive of archives) await run('kind', ['load', 'image-archive', archive, '--name', cluster]);
}

/** Removes everything that was made, also what is left of an attempt that failed. */
export async function removeAll(run: Run, folder: string): Promise<void> {
  for (const member of members)
    await run('kind', ['delete', 'cluster', '--name', member.cluster, '--kubeconfig', kubeconfigOf(folder, member)]);
  if (await hasObjects(run)) await run('docker', ['rm', '--force', '--volumes', objectsContainer]);
}

export async function hasObjects(run: Run): Promise<boolean> {
  const found = await run('docker', ['ps', '--all', '--quiet', '--filter', `name=^${objectsContainer}$`]);
  return found.trim() !== '';
}
