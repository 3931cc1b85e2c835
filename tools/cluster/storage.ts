import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClusterLayout } from './layout.ts';

/** Of one cluster; claims that were released do not give theirs back. */
const volumes = 16;

/**
 * A default StorageClass, and the volumes that its claims bind: folders on the node, made beforehand, because Kubernetes has
 * no provisioner of its own. The folders are owned by whom a Pod's `fsGroup` names, which only `local` volumes have of both.
 */
export async function storageObjects({ name, directory }: ClusterLayout): Promise<object[]> {
  const storageClassName = 'local';
  const paths = Array.from({ length: volumes }, (_, index) => join(directory, 'volumes', String(index)));
  for (const path of paths) await mkdir(path, { recursive: true });
  return [
    {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: {
        name: storageClassName,
        annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' },
      },
      provisioner: 'kubernetes.io/no-provisioner',
      volumeBindingMode: 'WaitForFirstConsumer',
    },
    ...paths.map((path, index) => ({
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: `local-${index}` },
      spec: {
        storageClassName,
        capacity: { storage: '100Gi' },
        accessModes: ['ReadWriteOnce'],
        persistentVolumeReclaimPolicy: 'Retain',
        local: { path },
        nodeAffinity: {
          required: {
            nodeSelectorTerms: [
              { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [name] }] },
            ],
          },
        },
      },
    })),
  ];
}
