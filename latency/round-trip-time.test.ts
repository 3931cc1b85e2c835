import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { distanceKilometres, unitVector } from './great-circle.ts';
import { priorRoundTrip, roundTripFloor } from './round-trip-time.ts';

interface Pair {
  name: string;
  kilometres: number;
  milliseconds: number;
}

/** Columns: from, latitude, longitude, country, to, latitude, longitude, country, average RTT in ms. */
function measuredPairs(): Pair[] {
  const text = readFileSync(join(import.meta.dirname, 'data', 'inter-region-rtt.csv'), 'utf8');
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return lines.slice(1).map((line) => {
    const [from, latitude, longitude, , to, toLatitude, toLongitude, , milliseconds] = line.split(',');
    return {
      name: `${from}-${to}`,
      kilometres: distanceKilometres(
        unitVector(Number(latitude), Number(longitude)),
        unitVector(Number(toLatitude), Number(toLongitude)),
      ),
      milliseconds: Number(milliseconds),
    };
  });
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length / 2;
  return (sorted[Math.floor(half)]! + sorted[Math.ceil(half) - 1]!) / 2;
}

test('no measured pair is faster than the floor', () => {
  const pairs = measuredPairs();
  assert.equal(pairs.length, 156);
  for (const { name, kilometres, milliseconds } of pairs) {
    assert.ok(milliseconds >= roundTripFloor(kilometres), `${name}: ${milliseconds} ms over ${kilometres} km`);
  }
});

test('the prior is within 12 % of half of the measured pairs', (context) => {
  const errors = measuredPairs().map(
    ({ kilometres, milliseconds }) => Math.abs(priorRoundTrip(kilometres) - milliseconds) / milliseconds,
  );
  context.diagnostic(`median relative error ${(100 * median(errors)).toFixed(1)} %`);
  assert.ok(median(errors) < 0.12);
  assert.ok(Math.max(...errors) < 0.5);
});

test('the prior grows with distance, stays above the floor and has an access term', () => {
  assert.ok(priorRoundTrip(0) > 0);
  for (let kilometres = 0; kilometres < 20_000; kilometres += 500) {
    assert.ok(priorRoundTrip(kilometres) > roundTripFloor(kilometres));
    assert.ok(priorRoundTrip(kilometres + 500) > priorRoundTrip(kilometres));
  }
});
