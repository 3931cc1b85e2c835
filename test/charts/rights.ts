import type { ApiClient } from '@isochrone/kube';

/** Whatever a program of ours, or who took one over, could want. */
const resources: Readonly<Record<string, readonly string[]>> = {
  'isochrone.dev': [
    ...['edgeclusters', 'providers', 'inferencemodels', 'inferencejobs', 'inferencenodes', 'inferencetasks'],
    ...['nodereports', 'edgejoinrequests'].flatMap((plural) => [plural, `${plural}/status`]),
    ...['edgeclusters', 'providers', 'inferencemodels', 'inferencejobs', 'inferencenodes', 'inferencetasks'].map(
      (plural) => `${plural}/status`,
    ),
  ],
  '': [
    ...['namespaces', 'nodes', 'pods', 'pods/exec', 'secrets', 'configmaps', 'serviceaccounts'],
    ...['serviceaccounts/token', 'resourcequotas', 'persistentvolumes'],
  ],
  apps: ['deployments', 'daemonsets'],
  'rbac.authorization.k8s.io': ['roles', 'rolebindings', 'clusterroles', 'clusterrolebindings'],
  'coordination.k8s.io': ['leases'],
  'events.k8s.io': ['events'],
  'flowcontrol.apiserver.k8s.io': ['flowschemas', 'prioritylevelconfigurations'],
  'apiextensions.k8s.io': ['customresourcedefinitions'],
};
const verbs = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection', 'escalate', 'bind'];

/**
 * What a ServiceAccount of isochrone-system may do to objects of any name, as lines such as `secrets: get,list`. What it may do
 * in one of the namespaces only has the namespace behind it.
 */
export async function rightsOf(client: ApiClient, name: string, namespaces: readonly string[]): Promise<string[]> {
  const lines: string[] = [];
  for (const [group, plurals] of Object.entries(resources)) {
    for (const plural of plurals) {
      const perNamespace = await Promise.all(
        namespaces.map(async (namespace) => (await allowed(client, name, { group, plural, namespace })).join()),
      );
      const [first = ''] = perNamespace;
      if (perNamespace.every((granted) => granted === first)) {
        if (first !== '') lines.push(`${plural}: ${first}`);
        continue;
      }
      for (const [index, granted] of perNamespace.entries())
        if (granted !== '') lines.push(`${plural}: ${granted} in ${namespaces[index]!}`);
    }
  }
  return lines;
}

async function allowed(
  client: ApiClient,
  name: string,
  { group, plural, namespace }: { group: string; plural: string; namespace: string },
): Promise<string[]> {
  const [resource, subresource] = plural.split('/');
  const reviews = await Promise.all(
    verbs.map((verb) =>
      client.request<{ status: { allowed: boolean } }>({
        method: 'POST',
        path: '/apis/authorization.k8s.io/v1/subjectaccessreviews',
        body: {
          apiVersion: 'authorization.k8s.io/v1',
          kind: 'SubjectAccessReview',
          spec: {
            user: `system:serviceaccount:isochrone-system:${name}`,
            resourceAttributes: { verb, group, resource, namespace, ...(subresource && { subresource }) },
          },
        },
      }),
    ),
  );
  return verbs.filter((_, index) => reviews[index]!.status.allowed);
}
