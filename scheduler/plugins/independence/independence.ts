import type { Plugin } from '../../framework/plugin.ts';

/**
 * Keeps work from whom the request excludes: verification goes to another provider and another cluster than the work, and a
 * retry not to a node where its shards failed.
 */
export const independence: Plugin = {
  name: 'Independence',
  prepare({ request, fleet, columns }) {
    const { excludedProviders, excludedClusters, excludedNodes } = request;
    if (excludedProviders.length + excludedClusters.length + excludedNodes.length === 0) return {};
    const providers = fleet.table.providers.membership(excludedProviders);
    const clusters = fleet.table.clusters.membership(excludedClusters);
    const nodes = fleet.table.nodeMembership(excludedNodes);
    const { provider, cluster, node } = columns;
    return {
      filter: {
        reasons: [
          {
            code: 'UnschedulableAndUnresolvable',
            name: 'ProviderExcluded',
            text: 'provider is excluded by the request',
          },
          { code: 'UnschedulableAndUnresolvable', name: 'ClusterExcluded', text: 'cluster is excluded by the request' },
          { code: 'UnschedulableAndUnresolvable', name: 'NodeExcluded', text: 'node is excluded by the request' },
        ],
        test: (row) => {
          if (providers[provider[row]!] === 1) return 1;
          if (clusters[cluster[row]!] === 1) return 2;
          return nodes[node[row]!] === 1 ? 3 : 0;
        },
      },
    };
  },
};
