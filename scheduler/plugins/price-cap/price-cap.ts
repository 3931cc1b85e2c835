import type { Plugin } from '../../framework/plugin.ts';
import { formatMicros } from '../../table/quantity.ts';

/** Leaves out nodes that ask for more than the request would pay. */
export const priceCap: Plugin = {
  name: 'PriceCap',
  prepare({ request, columns }) {
    if (request.maxPrice === 0) return {};
    const { price } = columns;
    return {
      filter: {
        reasons: [
          {
            code: 'UnschedulableAndUnresolvable',
            name: 'PriceTooHigh',
            text: `node asks for more than ${formatMicros(request.maxPrice)} per thousand reference seconds`,
          },
        ],
        test: (row) => (price[row]! <= request.maxPrice ? 0 : 1),
      },
    };
  },
};
