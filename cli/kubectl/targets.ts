import { clusterOfNamespace, edgeClusterResource, inferenceNodeResource, type EdgeCluster } from '@isochrone/api';
import type { ApiClient } from '@isochrone/kube';
import { CliError } from '../errors.ts';
import { findObject } from './connection.ts';

/** What an administrator cordons: one node, or a whole member. */
export type FleetTarget =
  | { readonly kind: 'Node'; readonly cluster: string; readonly name: string }
  | { readonly kind: 'Cluster'; readonly name: string };

const name = '[a-z0-9](?:[-.a-z0-9]*[a-z0-9])?';
const edgePattern = new RegExp(`^(?:edge|ec|edgeclusters?(?:\\.isochrone\\.dev)?)/(${name})$`);
const nodePattern = new RegExp(`^(?:(?:node|infn|inferencenodes?(?:\\.isochrone\\.dev)?)/)?(?:(${name})/)?(${name})$`);

export interface ParsedTarget {
  readonly kind: FleetTarget['kind'];
  /** Given as `CLUSTER/NODE`. */
  readonly cluster?: string;
  readonly name: string;
}

/** Takes `NODE`, `CLUSTER/NODE`, both with `node/` before them, and `edge/CLUSTER`. @throws CliError USAGE */
export function parseTarget(text: string): ParsedTarget {
  const edge = edgePattern.exec(text);
  if (edge !== null) return { kind: 'Cluster', name: edge[1]! };
  const node = nodePattern.exec(text);
  if (node !== null) return { kind: 'Node', ...(node[1] === undefined ? {} : { cluster: node[1] }), name: node[2]! };
  throw new CliError(
    'USAGE',
    `${JSON.stringify(text)} names no node and no member; write NODE, CLUSTER/NODE or edge/CLUSTER`,
  );
}

/** The one object that the text names. @throws CliError USAGE, NOT_FOUND; ApiError */
export async function findTarget(client: ApiClient, text: string): Promise<FleetTarget> {
  const parsed = parseTarget(text);
  if (parsed.kind === 'Cluster') {
    await readEdgeCluster(client, parsed.name);
    return { kind: 'Cluster', name: parsed.name };
  }
  const found: string[] = [];
  for await (const { metadata } of client.listAll(inferenceNodeResource, {
    fieldSelector: `metadata.name=${parsed.name}`,
  })) {
    const cluster = clusterOfNamespace(metadata.namespace);
    if (cluster !== undefined && (parsed.cluster === undefined || parsed.cluster === cluster)) found.push(cluster);
  }
  const [cluster, ...others] = found;
  if (cluster === undefined)
    throw new CliError('NOT_FOUND', `there is no node ${text}; kubectl isochrone nodes lists them`);
  if (others.length > 0) {
    const choices = found.map((one) => `${one}/${parsed.name}`).join(', ');
    throw new CliError('USAGE', `${text} is the name of several nodes; write one of ${choices}`);
  }
  return { kind: 'Node', cluster, name: parsed.name };
}

/** @throws CliError NOT_FOUND; ApiError */
export async function readEdgeCluster(client: ApiClient, name: string): Promise<EdgeCluster> {
  const cluster = await findObject(client, edgeClusterResource, { name });
  if (cluster !== undefined) return cluster;
  throw new CliError('NOT_FOUND', `there is no EdgeCluster ${name}; kubectl get edgeclusters lists them`);
}
