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
          { code: 'Unschedulable', text: 'node is not Ready' },
          { code: 'Unschedulable', text: 'node is not Trusted' },
          { code: 'Unschedulable', text: 'cluster is not Ready' },
          { code: 'Unschedulable', text: 'provider is suspended or unknown' },
        ],
        test: (row) => state[row]!,
      },
    };
  },
};
