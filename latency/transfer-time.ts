/** Initial congestion window: ten segments of 1460 bytes (RFC 6928). */
const INITIAL_WINDOW_BYTES = 14_600;

/** TCP handshake, TLS 1.3 handshake, request until the first byte. */
const ROUND_TRIPS_BEFORE_DATA = 3;

/** Bytes per millisecond of a link before anything was measured: 100 Mbit/s. */
export const PRIOR_BYTES_PER_MILLISECOND = 12_500;

/**
 * Time to fetch an object over a fresh TLS connection: handshakes, slow start, then the rate of the link. While the window
 * is below the bandwidth-delay product each round trip doubles it (RFC 5681); from there the link is full.
 *
 * @param bytes size of the object; 0 takes no time, because nothing is fetched
 * @param roundTripMilliseconds of the path
 * @param bytesPerMillisecond of the path
 * @returns milliseconds
 */
export function transferTime(
  bytes: number,
  roundTripMilliseconds: number,
  bytesPerMillisecond = PRIOR_BYTES_PER_MILLISECOND,
): number {
  if (bytes <= 0) return 0;
  const product = bytesPerMillisecond * roundTripMilliseconds;
  // After n doubling round trips (2^n - 1) initial windows have been sent, and the window is 2^n of them.
  const roundsToFill = Math.max(0, Math.ceil(Math.log2(product / INITIAL_WINDOW_BYTES)));
  const roundsToFinish = Math.ceil(Math.log2(bytes / INITIAL_WINDOW_BYTES + 1));
  const rounds = Math.min(roundsToFill, roundsToFinish);
  const sentInSlowStart = Math.min(bytes, (2 ** rounds - 1) * INITIAL_WINDOW_BYTES);
  return (ROUND_TRIPS_BEFORE_DATA + rounds) * roundTripMilliseconds + (bytes - sentInSlowStart) / bytesPerMillisecond;
}
