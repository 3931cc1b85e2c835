import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Usage {
  /** What cannot be taken back by the kernel, as kubelet counts it against limits: the working set. */
  readonly memoryBytes: number;
  /** Of a processor, since it was started. */
  readonly cpuSeconds: number;
}

/** A container as the kernel knows it. */
export interface RunningContainer {
  readonly pod: string;
  readonly name: string;
  /** @returns undefined once it has ended */
  usage(): Promise<Usage | undefined>;
}

interface ContainerStatus {
  readonly name: string;
  readonly containerID?: string;
}
export interface PodList {
  readonly items: readonly {
    readonly metadata: { readonly name: string; readonly uid: string };
    readonly status: {
      readonly containerStatuses?: readonly ContainerStatus[];
      readonly initContainerStatuses?: readonly ContainerStatus[];
    };
  }[];
}

/** @param cgroup of the cluster, in every hierarchy of version 1 */
export async function runningContainers({ items }: PodList, cgroup: string): Promise<RunningContainer[]> {
  const found: RunningContainer[] = [];
  for (const { metadata, status } of items) {
    const { containerStatuses = [], initContainerStatuses = [] } = status;
    for (const { name, containerID = '' } of [...initContainerStatuses, ...containerStatuses]) {
      const id = containerID.replace(/^containerd:\/\//, '');
      const inside = join(cgroup, '**', `pod${metadata.uid}`, id);
      const [memory, processor] = await Promise.all([only('memory', inside), only('cpuacct', inside)]);
      if (id === '' || memory === undefined || processor === undefined) continue;
      found.push({ pod: metadata.name, name, usage: () => usage(memory, processor) });
    }
  }
  return found;
}

async function only(hierarchy: string, inside: string): Promise<string | undefined> {
  for await (const folder of glob(join('/sys/fs/cgroup', hierarchy, inside))) return folder;
  return undefined;
}

async function usage(memory: string, processor: string): Promise<Usage | undefined> {
  try {
    const [used, statistics, nanoseconds] = await Promise.all([
      readFile(join(memory, 'memory.usage_in_bytes'), 'utf8'),
      readFile(join(memory, 'memory.stat'), 'utf8'),
      readFile(join(processor, 'cpuacct.usage'), 'utf8'),
    ]);
    const reclaimable = Number(/^total_inactive_file (\d+)$/m.exec(statistics)?.[1] ?? 0);
    return { memoryBytes: Number(used) - reclaimable, cpuSeconds: Number(nanoseconds) / 1e9 };
  } catch (error) {
    // ENODEV: it ended between the opening and the reading.
    if (['ENOENT', 'ENODEV'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
