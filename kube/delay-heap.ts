/** Not worth compacting. */
const fewLeftovers = 64;

/** Keys by the moment they fall due: a binary heap, so that 100,000 waiting keys need one timer. Moments are milliseconds. */
export class DelayHeap {
  #heap: { key: string; at: number }[] = [];
  /** The moment that counts for a key; heap entries that disagree are leftovers. */
  readonly #due = new Map<string, number>();

  get size(): number {
    return this.#due.size;
  }

  /** Entries held, leftovers included: at most about twice the size. */
  get held(): number {
    return this.#heap.length;
  }

  /** When the next key falls due. */
  get next(): number | undefined {
    this.#dropLeftovers();
    return this.#heap[0]?.at;
  }

  /** The earlier of two moments for one key wins. */
  add(key: string, at: number): void {
    const known = this.#due.get(key);
    if (known !== undefined && known <= at) return;
    this.#due.set(key, at);
    this.#heap.push({ key, at });
    this.#siftUp(this.#heap.length - 1);
    this.#compact();
  }

  delete(key: string): void {
    this.#due.delete(key);
    this.#compact();
  }

  /** Removes and returns the first key that is due at `now`. */
  popDue(now: number): string | undefined {
    this.#dropLeftovers();
    const first = this.#heap[0];
    if (first === undefined || first.at > now) return undefined;
    this.#due.delete(first.key);
    this.#popFirst();
    return first.key;
  }

  clear(): void {
    this.#heap.length = 0;
    this.#due.clear();
  }

  /** Leftovers that are due late would gather for days: a key that is reconciled every second leaves one each time. */
  #compact(): void {
    if (this.#heap.length <= 2 * this.#due.size + fewLeftovers) return;
    // In order, which is a heap.
    this.#heap = Array.from(this.#due, ([key, at]) => ({ key, at })).sort((one, other) => one.at - other.at);
  }

  #dropLeftovers(): void {
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      if (this.#due.get(first.key) === first.at) return;
      this.#popFirst();
    }
  }

  #popFirst(): void {
    const last = this.#heap.pop()!;
    if (this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#siftDown(0);
  }

  #siftUp(index: number): void {
    const heap = this.#heap;
    for (let child = index; child > 0;) {
      const parent = (child - 1) >> 1;
      if (heap[parent]!.at <= heap[child]!.at) return;
      [heap[parent], heap[child]] = [heap[child]!, heap[parent]!];
      child = parent;
    }
  }

  #siftDown(index: number): void {
    const heap = this.#heap;
    for (let parent = index; ;) {
      const left = 2 * parent + 1;
      if (left >= heap.length) return;
      const right = left + 1;
      const child = right < heap.length && heap[right]!.at < heap[left]!.at ? right : left;
      if (heap[parent]!.at <= heap[child]!.at) return;
      [heap[parent], heap[child]] = [heap[child]!, heap[parent]!];
      parent = child;
    }
  }
}
