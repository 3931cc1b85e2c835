import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EdgeCluster, Provider } from '@isochrone/api';
import type { MemberSpecification } from '@isochrone/cli/demo';

const apiVersion = 'isochrone.dev/v1alpha1';

const locations = {
  hub: { latitude: '48.86', longitude: '2.35', country: 'FR', region: 'eu-west' },
  alpha: { latitude: '50.11', longitude: '8.68', country: 'DE', region: 'eu-central' },
  beta: { latitude: '37.77', longitude: '-122.42', country: 'US', region: 'us-west' },
  gamma: { latitude: '1.35', longitude: '103.82', country: 'SG', region: 'ap-southeast' },
} as const;

/** Members that the tests know: the hub's own trusted cluster, and edges. */
export type MemberName = keyof typeof locations;

/** The Provider of a member of the tests. */
export function providerOf(member: string): string {
  return `provider-${member}`;
}

/** A member with one node `<name>-1`, or with those that are named; none for a member whose agents a test brings itself. */
export function member(name: MemberName, price: string, nodes: readonly string[] = [`${name}-1`]): MemberSpecification {
  return {
    name,
    ...(name === 'hub' ? { isHub: true } : {}),
    nodes: nodes.map((node) => ({ name: node, price })),
  };
}

/** Providers and EdgeClusters of the members in a file, for as long as `use` runs. */
export async function withManifests<T>(
  members: readonly MemberSpecification[],
  use: (files: readonly string[]) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'isochrone-members-'));
  try {
    const file = join(folder, 'members.json');
    const items = members.flatMap(({ name }) => [provider(name), cluster(name as MemberName)]);
    await writeFile(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
    return await use([file]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function provider(name: string): Provider {
  const spec = { displayName: `Provider of ${name}`, suspended: false };
  return { apiVersion, kind: 'Provider', metadata: { name: providerOf(name) }, spec };
}

function cluster(name: MemberName): EdgeCluster {
  return {
    apiVersion,
    kind: 'EdgeCluster',
    metadata: { name },
    spec: {
      class: name === 'hub' ? 'Trusted' : 'Edge',
      providerRef: { name: providerOf(name) },
      location: locations[name],
    },
  };
}
