import type { Plugin } from '../../framework/plugin.ts';

/** New work goes only to nodes that are ready and not quarantined, of ready clusters, of providers that are not suspended. */
export const nodeReady: Plugin = {
  name: 'NodeReady',
  prepare({ columns }) {
    const { state } = columns;
    return {
      filter: {
        // In the order of nodeStates, of which 0 is usable.
        reasons: [
          { code: 'Unschedulable', name: 'NodeNotReady', text: 'node is not Ready' },
          { code: 'Unschedulable', name: 'NodeNotTrusted', text: 'node is not Trusted' },
          { code: 'Unschedulable', name: 'ClusterNotReady', text: 'cluster is not Ready' },
          { code: 'Unschedulable', name: 'ProviderSuspended', text: 'provider is suspended or unknown' },
        ],
        test: (row) => state[row]!,
      },
    };
  },
};
