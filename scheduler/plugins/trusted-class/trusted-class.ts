import type { Plugin } from '../../framework/plugin.ts';

/**
 * Clusters that the federation runs itself admit models and settle disputes. They take that work only, so that it never
 * waits behind ordinary work, and that work goes nowhere else.
 */
export const trustedClass: Plugin = {
  name: 'TrustedClass',
  prepare({ request, columns }) {
    const wanted = request.trusted ? 1 : 0;
    const { trustedClass: classes } = columns;
    const text = request.trusted
      ? 'cluster is not of class Trusted'
      : 'cluster of class Trusted takes no ordinary work';
    return {
      filter: {
        reasons: [
          {
            code: 'UnschedulableAndUnresolvable',
            name: request.trusted ? 'ClusterNotTrustedClass' : 'ClusterTrustedClass',
            text,
          },
        ],
        test: (row) => (classes[row] === wanted ? 0 : 1),
      },
    };
  },
};
