import { clusterOfNamespace, type InferenceJob } from '@isochrone/api';
import { parseQuantity } from '@isochrone/kube';
import { age } from '../output.ts';
import type { View } from '../view.ts';
import { assess, formatRate, isOpen, throughput, toneOf, type Assessment, type Fleet } from './fleet-rows.ts';
import { nodeRows } from './nodes.ts';

/** How busy a node or a whole member is. */
export interface LoadRow {
  readonly cluster: string;
  /** Absent for a whole member. */
  readonly node?: string;
  readonly ready: Assessment;
  readonly nodes: number;
  readonly nodesReady: number;
  readonly slots: number;
  readonly slotsUsed: number;
  readonly memoryBytes: number;
  readonly memoryUsedBytes: number;
  readonly recordsPerSecond: number;
}

/** @param now wall clock, milliseconds since the epoch */
export function nodeLoad(fleet: Fleet, now: number): LoadRow[] {
  return nodeRows(fleet).map(({ cluster, name, ready, slots, slotsUsed, memoryBytes }) => {
    const tasks = fleet.tasks.filter(
      (task) => clusterOfNamespace(task.metadata.namespace) === cluster && task.spec.nodeName === name && isOpen(task),
    );
    const memoryUsedBytes = tasks.reduce((sum, { spec }) => sum + (parseQuantity(spec.model.deviceMemory) ?? 0), 0);
    const isReady = ready.status === 'True';
    return {
      ...{ cluster, node: name, ready, nodes: 1, nodesReady: isReady ? 1 : 0 },
      ...{ slots, slotsUsed, memoryBytes, memoryUsedBytes, recordsPerSecond: throughput(tasks, now) },
    };
  });
}

/** Slots and memory are those of Ready nodes: nothing runs on the others. */
export function clusterLoad(fleet: Fleet, now: number): LoadRow[] {
  const nodes = nodeLoad(fleet, now);
  return fleet.clusters
    .map(({ metadata: { name }, status }) => {
      const own = nodes.filter(({ cluster }) => cluster === name);
      const ready = own.filter(({ nodesReady }) => nodesReady > 0);
      const sum = (rows: readonly LoadRow[], field: 'slots' | 'memoryBytes' | LoadField): number =>
        rows.reduce((total, row) => total + row[field], 0);
      return {
        ...{ cluster: name, ready: assess(status?.conditions, 'Ready'), nodes: own.length, nodesReady: ready.length },
        slots: sum(ready, 'slots'),
        slotsUsed: sum(own, 'slotsUsed'),
        memoryBytes: sum(ready, 'memoryBytes'),
        memoryUsedBytes: sum(own, 'memoryUsedBytes'),
        recordsPerSecond: sum(own, 'recordsPerSecond'),
      };
    })
    .sort((one, other) => one.cluster.localeCompare(other.cluster));
}

type LoadField = 'slotsUsed' | 'memoryUsedBytes' | 'recordsPerSecond';

const share = (used: number, of: number): string => (of === 0 ? '-' : `${Math.round((100 * used) / of)}%`);
const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)}Gi`;

const loadColumns: View<LoadRow>['columns'] = [
  { head: 'READY', cell: ({ ready }) => ready.status, tone: ({ ready }) => toneOf(ready) },
  { head: 'SLOTS', cell: ({ slotsUsed, slots }) => `${slotsUsed}/${slots}` },
  { head: 'SLOTS%', cell: ({ slotsUsed, slots }) => share(slotsUsed, slots) },
  { head: 'MEMORY', cell: ({ memoryUsedBytes }) => gibibytes(memoryUsedBytes) },
  { head: 'MEMORY%', cell: ({ memoryUsedBytes, memoryBytes }) => share(memoryUsedBytes, memoryBytes) },
  { head: 'RECORDS/S', cell: ({ recordsPerSecond }) => formatRate(recordsPerSecond) },
];

export const nodeLoadView: View<LoadRow> = {
  key: ({ cluster, node }) => `${cluster}/${node ?? ''}`,
  name: ({ node }) => `inferencenode.isochrone.dev/${node ?? ''}`,
  empty: 'No nodes found.',
  columns: [
    { head: 'CLUSTER', cell: ({ cluster }) => cluster },
    { head: 'NODE', cell: ({ node }) => node ?? '' },
    ...loadColumns,
  ],
};

export const clusterLoadView: View<LoadRow> = {
  key: ({ cluster }) => cluster,
  name: ({ cluster }) => `edgecluster.isochrone.dev/${cluster}`,
  empty: 'No clusters found.',
  columns: [
    { head: 'CLUSTER', cell: ({ cluster }) => cluster },
    { head: 'NODES', cell: ({ nodesReady, nodes }) => `${nodesReady}/${nodes}` },
    ...loadColumns,
  ],
};

export interface JobLoadRow {
  readonly namespace: string;
  readonly name: string;
  readonly phase: string;
  /** Complete of all. */
  readonly progress: string;
  readonly running: number;
  readonly verifying: number;
  readonly tasks: number;
  readonly recordsPerSecond: number;
  readonly cost: string;
  readonly startTime?: string;
}

/** Jobs that are not over, the busiest first. A re-execution does not tell whose it is: only a job's own work counts. */
export function jobLoad(
  { jobs, tasks }: { jobs: readonly InferenceJob[]; tasks: Fleet['tasks'] },
  now: number,
): JobLoadRow[] {
  return jobs
    .filter(({ status }) => status?.phase !== 'Complete' && status?.phase !== 'Failed')
    .map(({ metadata, status }) => {
      const own = tasks.filter((task) => task.spec.workUID === metadata.uid && isOpen(task));
      return {
        ...{ namespace: metadata.namespace ?? '', name: metadata.name, phase: status?.phase ?? 'Pending' },
        progress: status?.progress ?? '',
        running: status?.shards?.running ?? 0,
        verifying: status?.shards?.verifying ?? 0,
        tasks: own.length,
        recordsPerSecond: throughput(own, now),
        cost: status?.cost?.total ?? '0.00',
        ...(status?.startTime === undefined ? {} : { startTime: status.startTime }),
      };
    })
    .sort((one, other) => other.recordsPerSecond - one.recordsPerSecond || one.name.localeCompare(other.name));
}

export const jobLoadView: View<JobLoadRow> = {
  key: ({ namespace, name }) => `${namespace}/${name}`,
  name: ({ name }) => `inferencejob.isochrone.dev/${name}`,
  empty: 'No unfinished jobs found.',
  columns: [
    { head: 'NAMESPACE', cell: ({ namespace }) => namespace },
    { head: 'JOB', cell: ({ name }) => name },
    { head: 'PHASE', cell: ({ phase }) => phase, tone: ({ phase }) => (phase === 'Running' ? undefined : 'doubtful') },
    { head: 'COMPLETE', cell: ({ progress }) => progress },
    { head: 'RUNNING', cell: ({ running }) => String(running) },
    { head: 'VERIFYING', cell: ({ verifying }) => String(verifying) },
    { head: 'TASKS', cell: ({ tasks }) => String(tasks) },
    { head: 'RECORDS/S', cell: ({ recordsPerSecond }) => formatRate(recordsPerSecond) },
    { head: 'COST', cell: ({ cost }) => cost },
    {
      head: 'RUNS FOR',
      cell: ({ startTime }, now) => (startTime === undefined ? '' : age(now - Date.parse(startTime))),
    },
  ],
};
