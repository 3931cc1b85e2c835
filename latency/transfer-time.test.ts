import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { serviceTime } from './service-time.ts';
import { transferTime } from './transfer-time.ts';

const cases = [
  { name: 'nothing takes no time', bytes: 0, roundTrip: 100, rate: 12_500, milliseconds: 0 },
  { name: 'one window needs handshakes and one round', bytes: 14_600, roundTrip: 100, rate: 12_500, milliseconds: 400 },
  { name: 'without distance only the rate counts', bytes: 12_500_000, roundTrip: 0, rate: 12_500, milliseconds: 1000 },
  {
    // 1.25 MB in flight fill the link: 7 doublings of 14.6 kB, which have carried 127 windows.
    name: 'a large object pays for slow start once',
    bytes: 125_000_000,
    roundTrip: 100,
    rate: 12_500,
    milliseconds: 10 * 100 + (125_000_000 - 127 * 14_600) / 12_500,
  },
];

describe('transferTime', () => {
  for (const { name, bytes, roundTrip, rate, milliseconds } of cases) {
    test(name, () => assert.equal(transferTime(bytes, roundTrip, rate), milliseconds));
  }

  test('is finite, and more of anything is never faster', () => {
    const amount = fc.integer({ min: 0, max: 1e11 });
    const roundTrip = fc.double({ min: 0, max: 400, noNaN: true });
    fc.assert(
      fc.property(amount, amount, roundTrip, (bytes, more, milliseconds) => {
        const time = transferTime(bytes, milliseconds);
        assert.ok(Number.isFinite(time) && time >= 0);
        assert.ok(transferTime(bytes + more, milliseconds) >= time - 1e-6);
      }),
    );
  });
});

describe('serviceTime', () => {
  test('counts records, and shares the device among its tasks', () => {
    assert.equal(serviceTime(1000, 2_000_000), 2000);
    assert.equal(serviceTime(1000, 2_000_000, 3), 6000);
  });
});
