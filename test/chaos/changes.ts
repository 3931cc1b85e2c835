import { inferenceJobResource, inferenceTaskResource } from '@isochrone/api';
import type { ApiClient } from '@isochrone/kube';

/** Counts what changes on the hub, so that a test can act at the k-th change instead of after a time. */
export class Changes implements Disposable {
  readonly #stop = new AbortController();
  readonly #ended: Promise<unknown>;
  #count = 0;
  #waiting: { readonly at: number; readonly resolve: () => void; readonly reject: (error: unknown) => void }[] = [];

  constructor(hub: ApiClient) {
    this.#ended = Promise.all([this.#watch(hub, inferenceTaskResource), this.#watch(hub, inferenceJobResource)]);
  }

  get count(): number {
    return this.#count;
  }

  /** Resolves at that many changes from the start. @throws why the watch broke */
  async reach(at: number): Promise<void> {
    if (this.#count >= at) return;
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    this.#waiting.push({ at, resolve: () => resolve(undefined), reject });
    await promise;
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
  }

  async ended(): Promise<void> {
    await this.#ended;
  }

  async #watch(hub: ApiClient, resource: typeof inferenceTaskResource | typeof inferenceJobResource): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        for await (const events of hub.watch<object & { metadata: object }>(resource, { signal }))
          this.#add(events.length);
      } catch (error) {
        if (signal.aborted) return;
        // Broken, as when the hub is stopped: who waits is told, and nobody is left to count for.
        for (const { reject } of this.#waiting) reject(error);
        this.#waiting = [];
        return;
      }
    }
  }

  #add(events: number): void {
    this.#count += events;
    const due = this.#waiting.filter(({ at }) => this.#count >= at);
    this.#waiting = this.#waiting.filter(({ at }) => this.#count < at);
    for (const { resolve } of due) resolve();
  }
}
