/** One line of a benchmark's table. */
export type Row = Readonly<Record<string, string | number>>;

/** What `make bench` runs. Not a test: figures belong to a machine. */
export interface Benchmark {
  readonly name: string;
  /** One sentence: what is measured, and how. */
  readonly about: string;
  readonly run: () => Promise<Row[]>;
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
