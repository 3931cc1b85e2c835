import type { KubeObject } from '@isochrone/kube';
import type { Cluster } from '@isochrone/tools/cluster';

/** They end by themselves after an hour, and tell what was. */
const passing = new Set(['events', 'events.events.k8s.io']);

/** What a user applied says nothing of who it belongs to: a Secret may well have isochrone as its password. */
const repeated = { 'kubectl.kubernetes.io/last-applied-configuration': undefined };

/**
 * Every object of a cluster that is Isochrone's by its name, namespace, labels, annotations or owner, or whose kind is: all kinds
 * that its API server can list are looked at. `kind namespace/name`.
 */
export async function tracesIn(cluster: Cluster): Promise<string[]> {
  const listed = await cluster.kubectl(['api-resources', '--verbs=list', '-o', 'name', '--cached=false']);
  const kinds = listed.split('\n').filter((kind) => kind !== '' && !passing.has(kind));
  const { items } = JSON.parse(
    await cluster.kubectl(['get', kinds.join(','), '--all-namespaces', '-o', 'json', '--ignore-not-found']),
  ) as { items: KubeObject[] };
  return items
    .filter(({ apiVersion = '', metadata: { name, namespace, labels, annotations = {}, ownerReferences } }) =>
      [apiVersion, name, namespace, labels, { ...annotations, ...repeated }, ownerReferences].some((part) =>
        /isochrone|\bedge-/.test(JSON.stringify(part) ?? ''),
      ),
    )
    .map(({ kind = '', metadata: { namespace = '', name = '' } }) => `${kind} ${namespace}/${name}`);
}
