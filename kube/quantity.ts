const factors: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
};

/**
 * Bytes of a resource quantity (k8s.io/apimachinery, pkg/api/resource), a fraction of a byte rounded up.
 * @returns undefined when the text is no quantity of bytes, or one above 2^53 - 1.
 */
export function parseQuantity(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)([kMGTP]|[KMGTP]i)?$/.exec(text);
  if (match === null) return undefined;
  const bytes = Math.ceil(Number(match[1]) * factors[match[2] ?? '']!);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
