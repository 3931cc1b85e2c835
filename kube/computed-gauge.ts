import { Gauge } from 'prom-client';

/** One series of a {@link ComputedGauge} at this moment. */
export interface Sample<L extends string> {
  readonly labels: Readonly<Record<L, string>>;
  readonly value: number;
}

/**
 * A gauge that its sources tell when it is scraped, so that it is never stale; the largest counts among samples with the same
 * labels. Without a source, as while this process does not lead, it tells nothing.
 */
export class ComputedGauge<L extends string> extends Gauge<L> {
  readonly #sources = new Set<() => Iterable<Sample<L>>>();

  /** @returns a function that removes the source. */
  observe(source: () => Iterable<Sample<L>>): () => void {
    this.#sources.add(source);
    return () => void this.#sources.delete(source);
  }

  /** Called by prom-client before it reads the values. */
  collect(): void {
    this.reset();
    const largest = new Map<string, Sample<L>>();
    for (const source of this.#sources) {
      for (const sample of source()) {
        const key = JSON.stringify(sample.labels);
        const known = largest.get(key);
        if (known === undefined || known.value < sample.value) largest.set(key, sample);
      }
    }
    for (const { labels, value } of largest.values()) this.set(labels, value);
  }
}
