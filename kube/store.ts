import type { Change } from './informer.ts';

interface Entry<P> {
  readonly resourceVersion: string;
  readonly item: P;
}

export type IndexFunctions<P> = Record<string, (item: P, key: string) => readonly string[]>;

/** What the store knows of one object: its key, version and projection. */
export interface StoredObject<P> {
  key: string;
  resourceVersion: string;
  item: P;
}

/**
 * Projections by key, with indexes. Every method returns the changes it made, so that whoever calls it can tell others; an
 * object that is given twice at the same resourceVersion changes nothing.
 */
export class Store<P> {
  readonly #entries = new Map<string, Entry<P>>();
  readonly #indexes = new Map<string, Map<string, Set<string>>>();
  readonly #indexFunctions: IndexFunctions<P>;

  constructor(indexFunctions: IndexFunctions<P> = {}) {
    this.#indexFunctions = indexFunctions;
    for (const name of Object.keys(indexFunctions)) this.#indexes.set(name, new Map());
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): P | undefined {
    return this.#entries.get(key)?.item;
  }

  versionOf(key: string): string | undefined {
    return this.#entries.get(key)?.resourceVersion;
  }

  list(): P[] {
    return Array.from(this.#entries.values(), (entry) => entry.item);
  }

  keys(): IterableIterator<string> {
    return this.#entries.keys();
  }

  /** @throws TypeError when no such index was declared. */
  byIndex(name: string, value: string): P[] {
    const index = this.#indexes.get(name);
    if (index === undefined) {
      const known = [...this.#indexes.keys()].join(', ') || 'none';
      throw new TypeError(`there is no index ${JSON.stringify(name)}; declared: ${known}`);
    }
    return Array.from(index.get(value) ?? [], (key) => this.#entries.get(key)!.item);
  }

  /**
   * Adds or updates. An index function that throws leaves the store as it was.
   *
   * @param options.initial marks what is added; options.rewound takes also what has the version that is stored
   */
  upsert(
    object: StoredObject<P>,
    { initial = false, rewound = false }: { initial?: boolean; rewound?: boolean } = {},
  ): Change<P> | undefined {
    const { key, resourceVersion, item } = object;
    const known = this.#entries.get(key);
    if (known?.resourceVersion === resourceVersion && !rewound) return undefined;
    const values = this.#indexValues(item, key);
    if (known !== undefined) this.#unindex(known.item, key);
    this.#entries.set(key, { resourceVersion, item });
    for (const [name, list] of values) {
      const index = this.#indexes.get(name)!;
      for (const value of list) {
        const keys = index.get(value);
        if (keys === undefined) index.set(value, new Set([key]));
        else keys.add(key);
      }
    }
    return known === undefined
      ? { type: 'Added', key, current: item, initial }
      : { type: 'Updated', key, current: item, previous: known.item };
  }

  remove(key: string): Change<P> | undefined {
    const known = this.#entries.get(key);
    if (known === undefined) return undefined;
    this.#unindex(known.item, key);
    this.#entries.delete(key);
    return { type: 'Deleted', key, previous: known.item };
  }

  /** Removes what a full sync did not see: it was deleted while nobody watched. */
  *retainOnly(seen: { has(key: string): boolean }): Generator<Change<P>, void> {
    for (const key of this.#entries.keys()) {
      if (!seen.has(key)) yield this.remove(key)!;
    }
  }

  #indexValues(item: P, key: string): [string, readonly string[]][] {
    return Object.entries(this.#indexFunctions).map(([name, valuesOf]) => [name, valuesOf(item, key)]);
  }

  #unindex(item: P, key: string): void {
    for (const [name, values] of this.#indexValues(item, key)) {
      const index = this.#indexes.get(name)!;
      for (const value of values) {
        const keys = index.get(value);
        keys?.delete(key);
        if (keys?.size === 0) index.delete(value);
      }
    }
  }
}
