import { linear } from '../e2e/models.ts';

/** What a dishonest node makes of its input rows. */
export interface Work {
  /** The output rows that it commits to. */
  readonly committed: Float32Array;
  /** Those that it delivers. */
  readonly delivered: Float32Array;
}

export type Strategy = (inputs: Float32Array) => Work;

export const strategies: Readonly<Record<string, Strategy>> = {
  /** Saves the work: makes something up, commits to it and delivers it. */
  'wrong-outputs': (inputs) => {
    const made = linear(inputs).map((value) => value + 1);
    return { committed: made, delivered: made };
  },
  /** Commits to the right outputs, so that every re-execution agrees with the commitment, and delivers something else. */
  'garbage-delivered': (inputs) => {
    const committed = linear(inputs);
    return { committed, delivered: committed.map(() => 42) };
  },
  /** Does nothing wrong: shows that the program itself is no reason to be convicted. */
  honest: (inputs) => {
    const committed = linear(inputs);
    return { committed, delivered: committed };
  },
};
