import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { centroid, distanceKilometres, unitVector } from './great-circle.ts';

const cases: { name: string; a: [number, number]; b: [number, number]; kilometres: number }[] = [
  { name: 'a point and itself', a: [50.11, 8.68], b: [50.11, 8.68], kilometres: 0 },
  { name: 'Frankfurt and London', a: [50.11, 8.68], b: [51.51, -0.13], kilometres: 638 },
  { name: 'across the date line', a: [0, 179.5], b: [0, -179.5], kilometres: 111 },
  { name: 'the poles, whatever their longitude', a: [90, 12], b: [-90, 170], kilometres: 20_015 },
  { name: 'Sydney and Sao Paulo', a: [-33.87, 151.21], b: [-23.55, -46.63], kilometres: 13_357 },
];

describe('distanceKilometres', () => {
  for (const { name, a, b, kilometres } of cases) {
    test(name, () => {
      const distance = distanceKilometres(unitVector(...a), unitVector(...b));
      assert.ok(Math.abs(distance - kilometres) < 1, `${distance} km`);
    });
  }

  test('is a metric, and never NaN', () => {
    const point = fc
      .tuple(fc.double({ min: -90, max: 90, noNaN: true }), fc.double({ min: -180, max: 180, noNaN: true }))
      .map(([latitude, longitude]) => unitVector(latitude, longitude));
    fc.assert(
      fc.property(point, point, point, (a, b, c) => {
        const [ab, ba, bc, ac] = [
          distanceKilometres(a, b),
          distanceKilometres(b, a),
          distanceKilometres(b, c),
          distanceKilometres(a, c),
        ];
        assert.equal(ab, ba);
        assert.ok(ab >= 0 && ab <= 20_016);
        // acos of a rounded dot product is uncertain by about 0.1 m near 0 and near half the circumference.
        assert.ok(ac <= ab + bc + 0.001);
      }),
    );
  });
});

describe('centroid', () => {
  test('of nothing and of antipodes there is none', () => {
    assert.equal(centroid([]), undefined);
    assert.equal(centroid([unitVector(0, 0), unitVector(0, 180)]), undefined);
  });
  test('lies on the sphere, between the points', () => {
    const middle = centroid([unitVector(0, 170), unitVector(0, -170)])!;
    assert.ok(distanceKilometres(middle, unitVector(0, 180)) < 0.001);
  });
});
