import type { Plugin } from '../../framework/plugin.ts';

/** New work stays away from what an administrator has cordoned (spec.unschedulable), as kubectl's cordon does for Pods. */
export const cordoned: Plugin = {
  name: 'Cordoned',
  prepare({ columns }) {
    const { cordon } = columns;
    return {
      filter: {
        // In the order of cordons, of which 0 is none.
        reasons: [
          { code: 'Unschedulable', name: 'NodeCordoned', text: 'node is cordoned' },
          { code: 'Unschedulable', name: 'ClusterCordoned', text: 'cluster is cordoned' },
        ],
        test: (row) => cordon[row]!,
      },
    };
  },
};
