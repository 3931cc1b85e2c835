import { clusterOfNamespace } from '@isochrone/api';
import { parseQuantity } from '@isochrone/kube';
import { age } from '../output.ts';
import type { View } from '../view.ts';
import { assess, isOpen, toneOf, type Assessment, type Fleet } from './fleet-rows.ts';

export interface NodeRow {
  readonly cluster: string;
  readonly name: string;
  readonly provider: string;
  readonly ready: Assessment;
  readonly trusted: Assessment;
  /** Why no new work comes to it. */
  readonly cordoned: 'No' | 'Node' | 'Cluster';
  readonly device: string;
  readonly devices: number;
  readonly memoryBytes: number;
  readonly slots: number;
  readonly slotsUsed: number;
  /** Per thousand reference seconds. */
  readonly price: string;
  readonly models: number;
  readonly region: string;
  readonly country: string;
  readonly onnxruntimeVersion: string;
  readonly creationTimestamp: string;
}

/** The nodes of one member, or of all, in the order of their names. */
export function nodeRows({ clusters, nodes, tasks }: Fleet, cluster?: string): NodeRow[] {
  const byName = new Map(clusters.map((one) => [one.metadata.name, one]));
  const used = new Map<string, number>();
  for (const task of tasks.filter(isOpen)) {
    const key = `${task.metadata.namespace ?? ''}/${task.spec.nodeName}`;
    used.set(key, (used.get(key) ?? 0) + 1);
  }
  return nodes
    .flatMap(({ metadata, spec, status }): NodeRow[] => {
      const owner = clusterOfNamespace(metadata.namespace);
      if (owner === undefined || (cluster !== undefined && owner !== cluster)) return [];
      const { devices, onnxruntimeVersion } = spec.inventory;
      const member = byName.get(owner)?.spec;
      return [
        {
          cluster: owner,
          name: metadata.name,
          provider: spec.providerName ?? '',
          ready: assess(status?.conditions, 'Ready'),
          trusted: assess(status?.conditions, 'Trusted'),
          cordoned: member?.unschedulable === true ? 'Cluster' : spec.unschedulable === true ? 'Node' : 'No',
          device: devices[0]?.productName ?? '',
          devices: devices.length,
          memoryBytes: devices.reduce((sum, { memory }) => sum + (parseQuantity(memory) ?? 0), 0),
          slots: devices.reduce((sum, { slots }) => sum + slots, 0),
          slotsUsed: used.get(`${metadata.namespace ?? ''}/${metadata.name}`) ?? 0,
          price: spec.ask.pricePerThousandReferenceSeconds,
          models: status?.models?.length ?? 0,
          region: member?.location.region ?? '',
          country: member?.location.country ?? '',
          onnxruntimeVersion,
          creationTimestamp: metadata.creationTimestamp ?? '',
        },
      ];
    })
    .sort((one, other) => `${one.cluster}/${one.name}`.localeCompare(`${other.cluster}/${other.name}`));
}

export const nodeView: View<NodeRow> = {
  key: ({ cluster, name }) => `${cluster}/${name}`,
  name: ({ name }) => `inferencenode.isochrone.dev/${name}`,
  empty: 'No nodes found.',
  columns: [
    { head: 'CLUSTER', cell: ({ cluster }) => cluster },
    { head: 'NODE', cell: ({ name }) => name },
    { head: 'PROVIDER', cell: ({ provider }) => provider },
    { head: 'READY', cell: ({ ready }) => ready.status, tone: ({ ready }) => toneOf(ready) },
    { head: 'TRUSTED', cell: ({ trusted }) => trusted.status, tone: ({ trusted }) => toneOf(trusted) },
    {
      head: 'CORDONED',
      cell: ({ cordoned }) => cordoned,
      tone: ({ cordoned }) => (cordoned === 'No' ? undefined : 'doubtful'),
    },
    { head: 'DEVICE', cell: ({ device, devices }) => (devices > 1 ? `${devices} × ${device}` : device) },
    { head: 'SLOTS', cell: ({ slotsUsed, slots }) => `${slotsUsed}/${slots}` },
    { head: 'PRICE', cell: ({ price }) => price },
    { head: 'AGE', cell: ({ creationTimestamp }, now) => age(now - Date.parse(creationTimestamp)) },
    { head: 'MEMORY', cell: ({ memoryBytes }) => `${(memoryBytes / 2 ** 30).toFixed(1)}Gi`, wide: true },
    { head: 'MODELS', cell: ({ models }) => String(models), wide: true },
    { head: 'REGION', cell: ({ region }) => region, wide: true },
    { head: 'COUNTRY', cell: ({ country }) => country, wide: true },
    { head: 'ONNXRUNTIME', cell: ({ onnxruntimeVersion }) => onnxruntimeVersion, wide: true },
    { head: 'READY REASON', cell: ({ ready }) => ready.reason, wide: true },
    { head: 'TRUSTED REASON', cell: ({ trusted }) => trusted.reason, wide: true },
  ],
};
