import type { Strategy } from './request.ts';

/** What a micro-currency of price and a millisecond of time weigh in the score. */
export interface Weights {
  readonly price: number;
  /** Micro-currency per millisecond. */
  readonly time: number;
}

/**
 * One scalar in micro-currency for each strategy. Latency: time alone, because the price cap is a filter; a millisecond
 * counts 1 there whatever time is worth, also when it is worth nothing. Cost: price alone. Balanced: price plus the value of the time. Where the first two cannot tell nodes apart, Balanced does.
 *
 * @param valueOfTime micro-currency per millisecond
 */
export function weightsOf(strategy: Strategy, valueOfTime: number): Weights {
  switch (strategy) {
    case 'LATENCY':
      return { price: 0, time: 1 };
    case 'COST':
      return { price: 1, time: 0 };
    case 'BALANCED':
      return { price: 1, time: valueOfTime };
  }
}
