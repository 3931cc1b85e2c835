import {
  edgeClusterResource,
  inferenceJobResource,
  inferenceModelResource,
  inferenceNodeResource,
} from '@isochrone/api';
import { core, type KubeObject, type Resource } from '@isochrone/kube';
import type { Candidate, NameSource } from './complete.ts';
import { kubeconfigOf, type Connection, type ConnectionOptions } from './connection.ts';

/** More names than this help nobody. */
const mostNames = 500;

/** The names of a source, in the form that the commands take. @param beside what else may stand there: only then a prefix tells them apart. @throws ApiError */
export async function knownNames(
  source: NameSource,
  beside: readonly NameSource[],
  word: string,
  options: ConnectionOptions,
  { client, namespace }: Connection,
): Promise<Candidate[]> {
  if (source === 'contexts') return (await kubeconfigOf(options)).contexts.map(({ name }) => ({ value: name }));
  const list = async <T extends KubeObject>(resource: Resource<T>, inNamespace = false): Promise<T[]> =>
    (await client.list(resource, { limit: mostNames, timeoutMilliseconds: 3000, ...(inNamespace && { namespace }) }))
      .items;
  switch (source) {
    case 'jobs': {
      // Both forms are taken; `job/` is what the documents show.
      const prefix = word === '' || 'job/'.startsWith(word) || word.startsWith('job/') ? 'job/' : '';
      const jobs = await list(inferenceJobResource, true);
      return jobs.map(({ metadata, status }) => ({
        value: `${prefix}${metadata.name}`,
        description: status?.phase ?? '',
      }));
    }
    case 'nodes': {
      const prefix = word.startsWith('node/') || beside.includes('jobs') ? 'node/' : '';
      const nodes = await list(inferenceNodeResource);
      return nodes.map(({ metadata, spec }) => ({
        value: `${prefix}${metadata.name}`,
        description: spec.inventory.devices[0]?.productName ?? '',
      }));
    }
    case 'clusters': {
      const clusters = await list(edgeClusterResource);
      const prefix = beside.length > 1 ? 'edge/' : '';
      return clusters.map(({ metadata, spec }) => ({
        value: `${prefix}${metadata.name}`,
        description: spec.location.region,
      }));
    }
    case 'models': {
      const models = await list(inferenceModelResource);
      return models.flatMap(({ metadata, spec }) =>
        spec.versions.map(({ version }) => ({ value: `${metadata.name}:${version}` })),
      );
    }
    case 'namespaces':
      return (await list(core.namespaces)).map(({ metadata }) => ({ value: metadata.name ?? '' }));
  }
}
