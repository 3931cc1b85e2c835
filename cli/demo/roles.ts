import { join } from 'node:path';
import { kubectl, type ControlPlane } from '@isochrone/tools/local';

const folder = join(import.meta.dirname, '..', '..', 'operator', 'rbac');

/** A user of a program, and the file with the roles that it is bound to. */
export interface Role {
  readonly user: string;
  readonly file: string;
}

/** What charts would bind to ServiceAccounts is bound to users here: the programs run outside of Pods. */
export const roles = {
  operator: { user: 'isochrone-operator', file: 'operator.yaml' },
  scheduler: { user: 'isochrone-scheduler', file: 'scheduler.yaml' },
  edge: { user: 'isochrone-edge', file: 'edge.yaml' },
  agent: { user: 'isochrone-agent', file: 'agent.yaml' },
} as const satisfies Record<string, Role>;

/** Applies the roles of a program and returns the path of a kubeconfig of its user. */
export async function programKubeconfig(plane: ControlPlane, { user, file }: Role): Promise<string> {
  await kubectl(plane.adminKubeconfig, ['apply', '-f', join(folder, file)]);
  return plane.kubeconfigFor(user);
}
