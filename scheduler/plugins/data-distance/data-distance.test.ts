import assert from 'node:assert/strict';
import { test } from 'node:test';
import { priorRoundTrip, transferTime, unitVector } from '@isochrone/latency';
import { makeFleet, makeRequest, rejectOf, scoreOf } from '../../testing/fixtures.ts';
import { dataDistance } from './data-distance.ts';

const frankfurt = unitVector(50.11, 8.68);
const fleet = makeFleet(
  { name: 'frankfurt', cluster: { location: frankfurt, region: 'eu-central' } },
  { name: 'sydney', cluster: { location: unitVector(-33.87, 151.21), region: 'ap-southeast' } },
);
const inputBytes = 10_000_000;
const here = transferTime(inputBytes, priorRoundTrip(0));

test('data beside the node takes a transfer without distance', () => {
  const request = makeRequest({ inputBytes, origin: { location: frankfurt } });
  assert.ok(Math.abs(scoreOf(dataDistance, fleet, request, 'frankfurt') - here) < 0.01);
});

test('data far away takes longer, by coordinates and by region alike', () => {
  const byCoordinates = makeRequest({ inputBytes, origin: { location: frankfurt } });
  const byRegion = makeRequest({ inputBytes, origin: { region: 'eu-central' } });
  const far = scoreOf(dataDistance, fleet, byCoordinates, 'sydney');
  assert.ok(far > here + 3 * priorRoundTrip(16_000), `${far} ms`);
  assert.ok(Math.abs(scoreOf(dataDistance, fleet, byRegion, 'sydney') - far) < 0.01);
});

test('without an origin distance does not count', () => {
  const request = makeRequest({ inputBytes });
  assert.equal(scoreOf(dataDistance, fleet, request, 'sydney'), here);
  assert.equal(scoreOf(dataDistance, fleet, request, 'frankfurt'), here);
});

test('a region that no cluster names fits nowhere, and the known ones are told', () => {
  const request = makeRequest({ origin: { region: 'mars' } });
  for (const member of ['frankfurt', 'sydney']) {
    assert.equal(
      rejectOf(dataDistance, fleet, request, member),
      'origin region mars is the region of no EdgeCluster; use one of ap-southeast, eu-central, or coordinates',
    );
  }
});

test('a region is where its clusters are, also after one moved', () => {
  const moving = makeFleet({ name: 'n' });
  assert.ok(moving.originOf('eu-central'));
  moving.putCluster({ ...moving.cluster('n')!, region: 'eu-north' });
  assert.equal(moving.originOf('eu-central'), undefined);
  assert.ok(moving.originOf('eu-north'));
});

test('a region whose clusters lie opposite each other is known, and has no middle', () => {
  const opposite = makeFleet(
    { name: 'north', cluster: { location: unitVector(90, 0), region: 'poles' } },
    { name: 'south', cluster: { location: unitVector(-90, 0), region: 'poles' } },
  );
  const request = makeRequest({ origin: { region: 'poles' } });
  assert.match(rejectOf(dataDistance, opposite, request, 'north')!, /poles have no middle; use coordinates/);
});
