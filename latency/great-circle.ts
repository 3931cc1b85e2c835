/** Mean Earth radius, kilometres (IUGG R1). */
const EARTH_RADIUS_KILOMETRES = 6371.0088;

/** A point on the unit sphere; the form in which a node table keeps locations, so that a distance is one dot product. */
export interface UnitVector {
  readonly x: number;
  readonly y: number;
  readonly z: number;
}

/**
 * @param latitude degrees north, -90 to 90
 * @param longitude degrees east, -180 to 180
 */
export function unitVector(latitude: number, longitude: number): UnitVector {
  const phi = (latitude * Math.PI) / 180;
  const lambda = (longitude * Math.PI) / 180;
  return { x: Math.cos(phi) * Math.cos(lambda), y: Math.cos(phi) * Math.sin(lambda), z: Math.sin(phi) };
}

/**
 * Great-circle distance in kilometres from the dot product of two unit vectors. Rounding may take the product out of
 * [-1, 1]; it is clamped, so that a point is at distance 0 from itself and not NaN.
 */
export function distanceFromDot(dot: number): number {
  return EARTH_RADIUS_KILOMETRES * Math.acos(Math.max(-1, Math.min(1, dot)));
}

/** Great-circle distance in kilometres. */
export function distanceKilometres(a: UnitVector, b: UnitVector): number {
  return distanceFromDot(a.x * b.x + a.y * b.y + a.z * b.z);
}

/**
 * The point in the middle of others, on the sphere. Undefined for no points, and for points that balance each other out
 * (antipodes), which have no middle.
 */
export function centroid(points: Iterable<UnitVector>): UnitVector | undefined {
  let [x, y, z] = [0, 0, 0];
  for (const point of points) {
    x += point.x;
    y += point.y;
    z += point.z;
  }
  const length = Math.hypot(x, y, z);
  return length < 1e-9 ? undefined : { x: x / length, y: y / length, z: z / length };
}
