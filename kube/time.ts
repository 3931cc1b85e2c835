/** `metav1.Time`: RFC 3339 in whole seconds. */
export function formatTime(epochMilliseconds: number): string {
  return new Date(epochMilliseconds).toISOString().replace(/\.\d{3}Z$/, 'Z');
}

/** `metav1.MicroTime`: RFC 3339 with six fractional digits. */
export function formatMicroTime(epochMilliseconds: number): string {
  return new Date(epochMilliseconds).toISOString().replace('Z', '000Z');
}
