import { distanceFromDot, priorRoundTrip, transferTime } from '@isochrone/latency';
import type { Plugin, PreparedPlugin } from '../../framework/plugin.ts';

/**
 * Time until the input is on the node: its transfer over the distance from where it lies. Without an origin the distance is
 * unknown and the same for all nodes. An origin in a region that no EdgeCluster names is a mistake, and no node fits.
 */
export const dataDistance: Plugin = {
  name: 'DataDistance',
  prepare({ request, fleet, columns }) {
    const { origin, inputBytes } = request;
    if (origin === undefined) {
      const milliseconds = transferTime(inputBytes, priorRoundTrip(0));
      return { score: { unit: 'milliseconds', of: () => milliseconds } };
    }
    const from = 'location' in origin ? origin.location : fleet.originOf(origin.region);
    if (from === undefined) return noOrigin((origin as { region: string }).region, fleet.regions());
    const { x, y, z } = columns;
    return {
      score: {
        unit: 'milliseconds',
        of: (row) => {
          const dot = x[row]! * from.x + y[row]! * from.y + z[row]! * from.z;
          return transferTime(inputBytes, priorRoundTrip(distanceFromDot(dot)));
        },
      },
    };
  },
};

const REGIONS_NAMED = 8;

function noOrigin(region: string, known: readonly string[]): PreparedPlugin {
  const named = known.slice(0, REGIONS_NAMED).join(', ') + (known.length > REGIONS_NAMED ? ', …' : '');
  const text = known.includes(region)
    ? `the EdgeClusters of origin region ${region} have no middle; use coordinates`
    : `origin region ${region} is the region of no EdgeCluster; use one of ${named}, or coordinates`;
  return {
    filter: { reasons: [{ code: 'UnschedulableAndUnresolvable', name: 'OriginUnknown', text }], test: () => 1 },
  };
}
