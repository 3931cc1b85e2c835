import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deviceClassFactor } from '@isochrone/latency';
import { MODEL, makeFleet, makeRequest, scoreOf } from '../../testing/fixtures.ts';
import { serviceTime } from './service-time.ts';

// One second of reference time.
const request = makeRequest({ executionProviders: ['CUDA', 'CPU'] });
const models = [{ sha256: MODEL, nanosecondsPerRecord: 42_000_000 }];

const cases = [
  { name: 'seeded by the class of device', member: {}, milliseconds: 1000 * deviceClassFactor('CUDA') },
  {
    name: 'by the execution provider it would get',
    member: { device: { executionProviders: ['CPU'] as const } },
    milliseconds: 1000,
  },
  { name: 'measured, whatever the class', member: { node: { models } }, milliseconds: 42_000 },
  {
    name: 'warm but never run: seeded',
    member: { node: { models: [{ sha256: MODEL, nanosecondsPerRecord: 0 }] } },
    milliseconds: 1000 * deviceClassFactor('CUDA'),
  },
  { name: 'shared with a task that runs there', member: { node: { models }, used: 1 }, milliseconds: 84_000 },
];

for (const { name, member, milliseconds } of cases) {
  test(name, () => {
    assert.equal(scoreOf(serviceTime, makeFleet({ name: 'n', ...member }), request, 'n'), milliseconds);
  });
}
