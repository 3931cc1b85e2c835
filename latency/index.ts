export { centroid, distanceFromDot, distanceKilometres, unitVector } from './great-circle.ts';
export type { UnitVector } from './great-circle.ts';
export { priorRoundTrip, roundTripFloor } from './round-trip-time.ts';
export { deviceClassFactor, serviceTime } from './service-time.ts';
export type { ExecutionProvider } from './service-time.ts';
export { PRIOR_BYTES_PER_MILLISECOND, transferTime } from './transfer-time.ts';
