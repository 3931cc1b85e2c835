import { join } from 'node:path';

/** Where the suites get books from. */
export interface Engine {
  readonly name: string;
  /** A location for `openLedger` where nothing is yet. */
  freshLocation(): Promise<string>;
}

export function sqliteEngine(directory: string): Engine {
  let count = 0;
  return { name: 'SQLite', freshLocation: async () => join(directory, `${++count}.db`) };
}
