/** A model in the store, as eviction sees it. */
export interface StoredModel {
  readonly sha256: string;
  readonly bytes: number;
  /** Moment of the last use; only the order counts. */
  readonly lastUsed: number;
  /** In use, or about to be. */
  readonly pinned: boolean;
}

/**
 * Which models must go so that `needed` more bytes fit the quota: those least lately used that nobody uses.
 * @returns undefined when even that is not enough; then nothing is to go
 */
export function planEviction(models: readonly StoredModel[], needed: number, quota: number): string[] | undefined {
  let excess = models.reduce((sum, { bytes }) => sum + bytes, needed) - quota;
  const evicted: string[] = [];
  for (const model of models.filter(({ pinned }) => !pinned).toSorted((a, b) => a.lastUsed - b.lastUsed)) {
    if (excess <= 0) break;
    evicted.push(model.sha256);
    excess -= model.bytes;
  }
  return excess <= 0 ? evicted : undefined;
}
