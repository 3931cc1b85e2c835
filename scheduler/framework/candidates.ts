/** A row that fits. Lower is better, in the order score, secondary, tie. */
export interface Candidate {
  readonly row: number;
  readonly nodeSlot: number;
  /** Micro-currency. */
  readonly score: number;
  /** Tells equal scores apart: the score of the strategy Balanced. */
  readonly secondary: number;
  /** Seeded hash: equal nodes share the load. */
  readonly tie: number;
}

/** The best rows of a scan, one per node, best first. */
export class Candidates {
  readonly #limit: number;
  readonly #best: Candidate[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  get list(): readonly Candidate[] {
    return this.#best;
  }

  /** Lets a scan pass over most rows with one comparison of numbers. */
  couldEnter(score: number): boolean {
    return this.#best.length < this.#limit || score <= this.#best.at(-1)!.score;
  }

  offer(candidate: Candidate): void {
    const sameNode = this.#best.findIndex(({ nodeSlot }) => nodeSlot === candidate.nodeSlot);
    if (sameNode !== -1) {
      if (!isBetter(candidate, this.#best[sameNode]!)) return;
      this.#best.splice(sameNode, 1);
    }
    const place = this.#best.findIndex((other) => isBetter(candidate, other));
    this.#best.splice(place === -1 ? this.#best.length : place, 0, candidate);
    if (this.#best.length > this.#limit) this.#best.pop();
  }
}

function isBetter(a: Candidate, b: Candidate): boolean {
  return (a.score - b.score || a.secondary - b.secondary || a.tie - b.tie || a.row - b.row) < 0;
}
