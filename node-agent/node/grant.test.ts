import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { grantRemaining, observeGrant, readGrantLease, type Grant, type Moment } from './grant.ts';

const duration = 40_000;
const epoch = Date.UTC(2030, 0, 1);
/** A moment `milliseconds` after the epoch; the wall clock may be off. */
const at = (milliseconds: number, wallOffset = 0): Moment => ({
  wall: epoch + milliseconds + wallOffset,
  monotonic: milliseconds,
});
const lease = (renewedAt: number): { renewedAt: number; durationMilliseconds: number } => ({
  renewedAt: epoch + renewedAt,
  durationMilliseconds: duration,
});
/** Observes renewals made at the first and seen at the second moment. */
const observed = (...renewals: readonly (readonly [number, Moment])[]): Grant =>
  renewals.reduce<Grant | undefined>((grant, [renewed, seen]) => observeGrant(grant, lease(renewed), seen), undefined)!;

describe('grant', () => {
  test('none is no grant', () => assert.equal(grantRemaining(undefined, at(0)), 0));

  for (const [name, grant, now, expected] of [
    ['a fresh one lasts its term', observed([0, at(0)]), at(0), duration],
    ['time passes', observed([0, at(0)]), at(15_000), 25_000],
    ['it is over at its end', observed([0, at(0)]), at(duration), 0],
    ['the first one seen counts from its renewal', observed([0, at(30_000)]), at(30_000), 10_000],
    ['the first one seen may be over long ago', observed([0, at(3_600_000)]), at(3_600_000), 0],
    ['a renewal extends it', observed([0, at(0)], [10_000, at(10_000)]), at(20_000), 30_000],
    ['one seen twice does not', observed([0, at(0)], [0, at(20_000)]), at(20_000), 20_000],
    ['clocks 60 s apart: the first is over, by the clock', observed([0, at(0, 60_000)]), at(0, 60_000), 0],
    [
      'clocks 60 s apart: the second is not',
      observed([0, at(0, 60_000)], [10_000, at(10_000, 60_000)]),
      at(10_000, 60_000),
      duration,
    ],
    [
      'clocks 60 s apart the other way',
      observed([0, at(0, -60_000)], [10_000, at(10_000, -60_000)]),
      at(10_000, -60_000),
      duration,
    ],
    [
      'a renewal that came 15 s late is aged',
      observed([0, at(0)], [10_000, at(10_000)], [20_000, at(35_000)]),
      at(35_000),
      25_000,
    ],
    [
      'a renewal from before a suspension is over',
      observed([0, at(0)], [10_000, at(10_000)], [20_000, { wall: epoch + 900_000, monotonic: 21_000 }]),
      { wall: epoch + 900_000, monotonic: 21_000 },
      0,
    ],
    [
      'suspension: the wall clock went on, the monotonic one stood still',
      observed([0, at(0)]),
      { wall: epoch + 50_000, monotonic: 1_000 },
      0,
    ],
    [
      'the wall clock set back gains nothing',
      observed([0, at(0)]),
      { wall: epoch - 900_000, monotonic: 39_000 },
      1_000,
    ],
  ] as const) {
    test(name, () => assert.equal(grantRemaining(grant, now), expected));
  }

  test('a lease without times grants nothing', () => {
    assert.equal(readGrantLease(undefined), undefined);
    assert.equal(readGrantLease({ renewTime: 'soon', leaseDurationSeconds: 40 }), undefined);
    assert.equal(readGrantLease({ renewTime: '2030-01-01T00:00:00.000000Z' }), undefined);
    assert.deepEqual(readGrantLease({ renewTime: '2030-01-01T00:00:00.000000Z', leaseDurationSeconds: 40 }), lease(0));
  });
});
