/** The process of one measurement of `informer.ts`: syncs once, prints what it cost as JSON, and ends. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inferenceNodeResource, type InferenceNode } from '@isochrone/api';
import type { KubernetesListObject, KubernetesObject } from '@kubernetes/client-node';

export interface Measurement {
  readonly seconds: number;
  /** Peak above what the loaded process had. */
  readonly rssMegabytes: number;
  /** Longest CPU time of the main thread between two turns of a timer: what blocks the loop, without what others take. */
  readonly sliceMilliseconds: number;
  /** The same in time. */
  readonly blockMilliseconds: number;
  readonly cpuSeconds: number;
}

/** Loads, and returns what begins the sync, which tells of each object once. */
type Implementation = (added: () => void) => Promise<() => unknown>;

const { group, version, plural, kind } = inferenceNodeResource;
const namespace = 'default';

const kube =
  (project?: (node: InferenceNode) => unknown): Implementation =>
  async (added) => {
    const { ApiClient, Informer, Metrics } = await import('@isochrone/kube');
    const [{ Registry }, { pino }] = await Promise.all([import('prom-client'), import('pino')]);
    const client = await ApiClient.fromKubeconfig();
    const informer = new Informer<InferenceNode, unknown>({
      client,
      resource: inferenceNodeResource,
      namespace,
      ...(project && { project }),
      logger: pino({ level: 'warn' }, process.stderr),
      metrics: new Metrics(new Registry()),
    });
    informer.onChange(added);
    return () => informer.run(new AbortController().signal);
  };

const implementations: Record<string, Implementation> = {
  kube: kube(({ metadata, spec }) => ({
    name: metadata.name,
    cluster: spec.clusterName,
    provider: spec.providerName,
    ask: spec.ask?.pricePerThousandReferenceSeconds,
    slots: spec.inventory.devices.reduce((sum, { slots }) => sum + (slots ?? 1), 0),
  })),
  'kube, whole objects': kube(),
  async 'client-node'(added) {
    const { CustomObjectsApi, KubeConfig, makeInformer } = await import('@kubernetes/client-node');
    const config = new KubeConfig();
    config.loadFromDefault();
    const api = config.makeApiClient(CustomObjectsApi);
    const informer = makeInformer<KubernetesObject>(
      config,
      `/apis/${group}/${version}/namespaces/${namespace}/${plural}`,
      () =>
        api.listNamespacedCustomObject({ group, version, namespace, plural }) as Promise<
          KubernetesListObject<KubernetesObject>
        >,
    );
    informer.on('add', added);
    informer.on('error', (error: unknown) => {
      throw error;
    });
    return () => informer.start();
  },
  async 'fluent-client'(added) {
    const folder = join(process.env['BENCH_FLUENT_CLIENT']!, 'package.json');
    const url = pathToFileURL(createRequire(folder).resolve('kubernetes-fluent-client')).href;
    const { GenericKind, K8s, RegisterKind } = (await import(url)) as FluentClient;
    class InferenceNode extends GenericKind {}
    RegisterKind(InferenceNode, { group, version, kind, plural });
    return () => K8s(InferenceNode).InNamespace(namespace).Watch(added).start();
  },
};

/** What is used of it; it is no dependency of this repository. */
interface FluentClient {
  GenericKind: new () => object;
  RegisterKind: (model: unknown, kind: object) => void;
  K8s: (model: unknown) => { InNamespace(name: string): { Watch(added: () => void): { start(): unknown } } };
}

const [name, objects] = [process.argv[2]!, Number(process.argv[3])];
const complete = Promise.withResolvers<undefined>();
let known = 0;
const begin = await implementations[name]!(() => {
  known += 1;
  if (known === objects) complete.resolve(undefined);
});
globalThis.gc!();
const before = process.memoryUsage.rss();
const cpuBefore = process.cpuUsage();
const started = performance.now();
let [sliceMilliseconds, blockMilliseconds, rss] = [0, 0, before];
let [lastCpu, lastTurn] = [threadCpu(), started];
function threadCpu(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
const timer = setInterval(() => {
  const [cpu, now] = [threadCpu(), performance.now()];
  sliceMilliseconds = Math.max(sliceMilliseconds, cpu - lastCpu);
  blockMilliseconds = Math.max(blockMilliseconds, now - lastTurn);
  [lastCpu, lastTurn] = [cpu, now];
  rss = Math.max(rss, process.memoryUsage.rss());
}, 5);
void begin();
await complete.promise;
const seconds = (performance.now() - started) / 1000;
// One turn more: the one that ended the sync counts.
await new Promise((resolve) => setTimeout(resolve, 20));
clearInterval(timer);
const { user, system } = process.cpuUsage(cpuBefore);
const measurement: Measurement = {
  seconds,
  rssMegabytes: (rss - before) / 1e6,
  sliceMilliseconds,
  blockMilliseconds,
  cpuSeconds: (user + system) / 1e6,
};
process.stdout.write(JSON.stringify(measurement), () => process.exit(0));
