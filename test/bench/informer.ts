import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { inferenceNodeResource } from '@isochrone/api';
import { ApiClient } from '@isochrone/kube';
import { startControlPlane, type ControlPlane } from '@isochrone/tools/local';
import { applyCrds, callEtcd } from '@isochrone/test/harness';
import { median, type Benchmark, type Row } from './benchmark.ts';
import type { Measurement } from './informer-child.ts';

const OBJECTS = 100_000;
const ROUNDS = 3;
const PUTS_PER_TRANSACTION = 100;
const namespace = 'default';

/** The folder where `npm install kubernetes-fluent-client` was run: Pepr's watcher takes part where it is given. */
const fluentClient = process.env['BENCH_FLUENT_CLIENT'];

export const informer: Benchmark = {
  name: 'informer',
  about:
    `first sync of ${OBJECTS} InferenceNodes from a real API server, each by a process of its own, ${ROUNDS} rounds in turns, ` +
    'medians; RSS is the peak above what is loaded, a slice is CPU time of the main thread without a turn of the loop' +
    (fluentClient === undefined ? "; BENCH_FLUENT_CLIENT is not set, so Pepr's is left out" : ''),
  async run() {
    await using plane = await startControlPlane({ name: 'bench-informer' });
    await applyCrds(plane);
    await seed(plane);
    const implementations = [
      'kube',
      'kube, whole objects',
      'client-node',
      ...(fluentClient === undefined ? [] : ['fluent-client']),
    ];
    const measured = new Map(implementations.map((name): [string, Measurement[]] => [name, []]));
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const [name, list] of measured) list.push(await measure(plane, name));
    }
    return [...measured].map(([name, list]): Row => {
      const of = (field: keyof Measurement, digits: number): number =>
        Number(median(list.map((one) => one[field])).toFixed(digits));
      return {
        informer: name,
        s: of('seconds', 1),
        'RSS MB': of('rssMegabytes', 0),
        'longest slice ms': of('sliceMilliseconds', 0),
        'worst slice ms': Number(Math.max(...list.map((one) => one.sliceMilliseconds)).toFixed(0)),
        'longest block ms': of('blockMilliseconds', 0),
        'CPU s': of('cpuSeconds', 1),
      };
    });
  },
};

/** One object through the API; its clones straight into etcd, where the API server's watch takes them: a hundred times faster. */
async function seed(plane: ControlPlane): Promise<void> {
  const client = await ApiClient.fromKubeconfig({ path: plane.adminKubeconfig });
  const name = 'node-0';
  await client.create(inferenceNodeResource, {
    ...{ apiVersion: 'isochrone.dev/v1alpha1', kind: 'InferenceNode' },
    metadata: { namespace, name, labels: { 'isochrone.dev/cluster': 'frankfurt' } },
    spec: {
      ...{ clusterName: 'frankfurt', providerName: 'alpha', publicKey: `${'A'.repeat(43)}=` },
      inventory: {
        ...{ architecture: 'amd64', onnxruntimeVersion: '1.23.0' },
        devices: [
          {
            ...{
              uuid: 'GPU-1',
              type: 'gpu',
              productName: 'NVIDIA L4',
              memory: '24Gi',
              executionProviders: ['CUDA', 'CPU'],
            },
            ...{ brand: 'Nvidia', architecture: 'Ada Lovelace', cudaComputeCapability: '8.9', slots: 2 },
          },
        ],
      },
      ask: { pricePerThousandReferenceSeconds: '0.18' },
    },
  });
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const folder = `/registry/isochrone.dev/inferencenodes/${namespace}/`;
  const { kvs } = await callEtcd<{ kvs: { value: string }[] }>(plane, 'kv/range', { key: base64(folder + name) });
  const original = Buffer.from(kvs[0]!.value, 'base64').toString('utf8');
  const { uid } = (JSON.parse(original) as { metadata: { uid: string } }).metadata;
  for (let first = 1; first < OBJECTS; first += PUTS_PER_TRANSACTION) {
    const indices = Array.from(
      { length: Math.min(PUTS_PER_TRANSACTION, OBJECTS - first) },
      (_, index) => first + index,
    );
    const success = indices.map((index) => ({
      requestPut: {
        key: base64(`${folder}node-${index}`),
        value: base64(
          original
            .replace(`"${name}"`, `"node-${index}"`)
            .replace(uid, `${String(index).padStart(8, '0')}${uid.slice(8)}`),
        ),
      },
    }));
    await callEtcd(plane, 'kv/txn', { success });
  }
  const { metadata } = await client.list(inferenceNodeResource, { namespace, limit: 1 });
  assert.equal((metadata as { remainingItemCount?: number }).remainingItemCount, OBJECTS - 1, 'the API server has all');
  await client.close();
}

async function measure(plane: ControlPlane, implementation: string): Promise<Measurement> {
  const child = join(import.meta.dirname, 'informer-child.ts');
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--expose-gc', child, implementation, String(OBJECTS), plane.server],
    { env: { ...process.env, KUBECONFIG: plane.adminKubeconfig }, timeout: 300_000 },
  );
  return JSON.parse(stdout) as Measurement;
}
