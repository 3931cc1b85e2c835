import { priorRoundTrip, transferTime } from '@isochrone/latency';
import type { Plugin } from '../../framework/plugin.ts';

/** Time to fetch the model; nothing where its verified bytes already lie. How far the model's store is, is not known. */
export const modelWarm: Plugin = {
  name: 'ModelWarm',
  prepare({ request, fleet, columns }) {
    const milliseconds = transferTime(request.model.sizeBytes, priorRoundTrip(0));
    const warm = fleet.table.measurementsOf(request.model.sha256);
    if (warm === undefined) return { score: { unit: 'milliseconds', of: () => milliseconds } };
    const { node } = columns;
    return { score: { unit: 'milliseconds', of: (row) => (warm.has(node[row]!) ? 0 : milliseconds) } };
  },
};
