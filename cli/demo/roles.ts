import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import { kubectl, type ControlPlane } from '@isochrone/tools/local';

const charts = join(import.meta.dirname, '..', '..', 'charts');

/** A user of a program, and the file of its chart with the roles that it is bound to. */
export interface Role {
  readonly user: string;
  readonly file: string;
}

/** What charts bind to ServiceAccounts is bound to users too: the programs run outside of Pods. */
export const roles = {
  operator: { user: 'isochrone-operator', file: 'isochrone/files/rbac/operator.yaml' },
  scheduler: { user: 'isochrone-scheduler', file: 'isochrone/files/rbac/scheduler.yaml' },
  edge: { user: 'isochrone-edge', file: 'isochrone-edge/files/rbac/edge.yaml' },
  agent: { user: 'isochrone-agent', file: 'isochrone-edge/files/rbac/agent.yaml' },
} as const satisfies Record<string, Role>;

/** Applies the roles of a program and returns the path of a kubeconfig of its user. */
export async function programKubeconfig(plane: ControlPlane, { user, file }: Role): Promise<string> {
  const manifest = withUser(await readFile(join(charts, file), 'utf8'), user);
  await kubectl(plane.adminKubeconfig, ['apply', '-f', '-'], manifest);
  return plane.kubeconfigFor(user);
}

/** The manifest with the user as one more subject of each binding. */
function withUser(manifest: string, user: string): string {
  const documents = parseAllDocuments(manifest);
  return documents
    .map((document) => {
      const object = document.toJS() as { subjects?: object[] };
      object.subjects?.push({ kind: 'User', name: user, apiGroup: 'rbac.authorization.k8s.io' });
      return stringify(object);
    })
    .join('---\n');
}
