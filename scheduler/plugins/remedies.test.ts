import assert from 'node:assert/strict';
import { test } from 'node:test';
import { placementRemedies } from '@isochrone/api';
import { makeClaims, makeDecision, makeFleet, makeRequest } from '../testing/fixtures.ts';
import { allPlugins } from './index.ts';

test('there is a remedy for every plugin that rejects nodes, and for no other', () => {
  // Given a request in which every filter has something to do
  const fleet = makeFleet({ name: 'n' });
  const request = makeRequest({
    ...{ allowedCountries: ['DE'], maxPrice: 1, excludedNodes: ['n/n'] },
    origin: { region: 'mars' },
  });
  const rejecting = allPlugins(makeClaims(fleet)).filter(
    (plugin) => plugin.prepare(makeDecision(fleet, request)).filter !== undefined,
  );
  assert.deepEqual(rejecting.map(({ name }) => name).sort(), Object.keys(placementRemedies).sort());
});
