import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeDecision, makeFleet, makeRequest, rejectOf } from '../../testing/fixtures.ts';
import { allowedCountries } from './allowed-countries.ts';

const fleet = makeFleet({ name: 'berlin' }, { name: 'paris', cluster: { country: 'FR' } });

const cases = [
  { name: 'one country', countries: ['DE'], fits: ['berlin'] },
  { name: 'several', countries: ['FR', 'DE'], fits: ['berlin', 'paris'] },
  { name: 'a country without clusters', countries: ['US'], fits: [] },
];

for (const { name, countries, fits } of cases) {
  test(name, () => {
    const request = makeRequest({ allowedCountries: countries });
    const found = ['berlin', 'paris'].filter(
      (member) => rejectOf(allowedCountries, fleet, request, member) === undefined,
    );
    assert.deepEqual(found, fits);
  });
}

test('names the countries', () => {
  const request = makeRequest({ allowedCountries: ['US', 'CA'] });
  assert.equal(rejectOf(allowedCountries, fleet, request, 'paris'), 'cluster is not in US, CA');
});

test('is skipped when every country is allowed', () => {
  assert.deepEqual(allowedCountries.prepare(makeDecision(fleet, makeRequest())), {});
});
