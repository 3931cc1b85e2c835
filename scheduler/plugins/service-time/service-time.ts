import { deviceClassFactor, serviceTime as predict } from '@isochrone/latency';
import type { Plugin } from '../../framework/plugin.ts';

/**
 * Time to run the records: measured on the node where it has run the model, otherwise the reference time by the class of
 * device. The slots of a device share it, so that a busy device is slower.
 */
export const serviceTime: Plugin = {
  name: 'ServiceTime',
  prepare({ request, fleet, columns, choices }) {
    const { records, model } = request;
    const seeds = choices.map((provider) =>
      provider === undefined ? 0 : model.referenceNanosecondsPerRecord * deviceClassFactor(provider),
    );
    const measured = fleet.table.measurementsOf(model.sha256);
    const { node, executionProviders, usedSlots } = columns;
    return {
      score: {
        unit: 'milliseconds',
        of: (row) => {
          const seed = seeds[executionProviders[row]!]!;
          return predict(records, measured?.get(node[row]!) || seed, usedSlots[row]! + 1);
        },
      },
    };
  },
};
