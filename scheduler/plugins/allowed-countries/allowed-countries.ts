import type { Plugin } from '../../framework/plugin.ts';

/** Records are processed only where the request allows it, by the jurisdiction that the administrator accepted. */
export const allowedCountries: Plugin = {
  name: 'AllowedCountries',
  prepare({ request, fleet, columns }) {
    if (request.allowedCountries.length === 0) return {};
    const allowed = fleet.table.countries.membership(request.allowedCountries);
    const { country } = columns;
    return {
      filter: {
        reasons: [
          {
            code: 'UnschedulableAndUnresolvable',
            name: 'CountryNotAllowed',
            text: `cluster is not in ${request.allowedCountries.join(', ')}`,
          },
        ],
        test: (row) => (allowed[country[row]!] === 1 ? 0 : 1),
      },
    };
  },
};
