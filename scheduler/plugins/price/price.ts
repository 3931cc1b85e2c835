import type { Plugin } from '../../framework/plugin.ts';
import { referenceSeconds } from '../../framework/request.ts';

/** What the task costs: reference seconds times the price of the node. Faster hardware is not dearer for it. */
export const price: Plugin = {
  name: 'Price',
  prepare({ request, columns }) {
    const thousands = referenceSeconds(request) / 1000;
    const { price: prices } = columns;
    return { score: { unit: 'micros', of: (row) => prices[row]! * thousands } };
  },
};
