import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { SYSTEM_NAMESPACE } from '@isochrone/api';
import { parseQuantity } from '@isochrone/kube';
import type { Cluster, RunningContainer } from '@isochrone/tools/cluster';
import { parse } from 'yaml';
import { repository } from './installation.ts';

/** Of the containers of one name, the one with the most of each. */
export interface Measured {
  readonly leastMemory: number;
  readonly peakMemory: number;
  /** Cores over the whole time, and over the busiest second. */
  readonly meanCores: number;
  readonly peakCores: number;
}

interface Sample {
  readonly at: number;
  readonly memoryBytes: number;
  readonly cpuSeconds: number;
}

/** Looks once a second at what the programs of an installation use, until it is stopped. */
export class Meter {
  readonly #samples = new Map<RunningContainer, Sample[]>();
  readonly #over = new AbortController();
  readonly #done: Promise<void>;

  private constructor(containers: readonly RunningContainer[]) {
    for (const container of containers) this.#samples.set(container, []);
    this.#done = this.#look();
  }

  static async start(clusters: Iterable<Cluster>): Promise<Meter> {
    const lists = await Promise.all([...clusters].map((cluster) => cluster.containers(SYSTEM_NAMESPACE)));
    return new Meter(lists.flat());
  }

  /** @returns by the name of the container */
  async stop(): Promise<ReadonlyMap<string, Measured>> {
    this.#over.abort();
    await this.#done;
    const measured = new Map<string, Measured>();
    for (const [{ name }, samples] of this.#samples) {
      const [first, last] = [samples[0], samples.at(-1)];
      if (first === undefined || last === undefined || first === last) continue;
      const cores = samples.slice(1).map((sample, index) => coresBetween(samples[index]!, sample));
      const memory = samples.map(({ memoryBytes }) => memoryBytes);
      const before = measured.get(name);
      measured.set(name, {
        leastMemory: Math.max(before?.leastMemory ?? 0, Math.min(...memory)),
        peakMemory: Math.max(before?.peakMemory ?? 0, ...memory),
        meanCores: Math.max(before?.meanCores ?? 0, coresBetween(first, last)),
        peakCores: Math.max(before?.peakCores ?? 0, ...cores),
      });
    }
    return measured;
  }

  async #look(): Promise<void> {
    const { signal } = this.#over;
    while (!signal.aborted) {
      for (const [container, samples] of this.#samples) {
        const usage = await container.usage();
        if (usage !== undefined) samples.push({ at: performance.now() / 1000, ...usage });
      }
      await setTimeout(1000, undefined, { signal }).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    }
  }
}

function coresBetween(from: Sample, to: Sample): number {
  return (to.cpuSeconds - from.cpuSeconds) / (to.at - from.at);
}

export function describeMeasured(measured: ReadonlyMap<string, Measured>): string {
  const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`;
  const millis = (cores: number): string => `${Math.ceil(cores * 1000)}m`;
  return [...measured]
    .map(
      ([name, { leastMemory, peakMemory, meanCores, peakCores }]) =>
        `${name}: ${mebibytes(leastMemory)} to ${mebibytes(peakMemory)}, ${millis(meanCores)} and ${millis(peakCores)} at most`,
    )
    .join('; ');
}

/** What the charts ask for a container, in bytes. */
export async function memoryOf(container: string): Promise<{ readonly request: number; readonly limit: number }> {
  const chart = ['operator', 'scheduler'].includes(container) ? 'isochrone' : 'isochrone-edge';
  const values = parse(await readFile(join(repository, 'charts', chart, 'values.yaml'), 'utf8')) as Record<
    string,
    { readonly resources: Record<'requests' | 'limits', { readonly memory: string }> }
  >;
  const { requests, limits } = values[container]!.resources;
  return { request: parseQuantity(requests.memory)!, limit: parseQuantity(limits.memory)! };
}
