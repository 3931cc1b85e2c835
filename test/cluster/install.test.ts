import assert from 'node:assert/strict';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { names, SYSTEM_NAMESPACE, type EdgeCluster, type InferenceJob } from '@isochrone/api';
import { admitOcrModel, ocrJob, ocrNamespace, submitOcrJob, uploadOcr } from '@isochrone/cli/demo';
import { isConditionTrue } from '@isochrone/kube';
import { clusterLacking, type Cluster } from '@isochrone/tools/cluster';
import { imagesLacking } from '@isochrone/tools/images';
import { postgresLacking } from '@isochrone/tools/local';
import { parseAllDocuments } from 'yaml';
import { readResults, REQUIRED_ACCURACY } from '../../examples/ocr/read.ts';
import { assertCompleteAndPaidOnce, completeShards } from './books.ts';
import { earlierSources } from './earlier.ts';
import { createNamespace, Installation, patiently, presentRelease, repository, type Release } from './installation.ts';
import { describeMeasured, memoryOf, Meter } from './meter.ts';
import { Reader } from './reader.ts';
import { tracesIn } from './traces.ts';

const lacking = (await clusterLacking()) ?? (await imagesLacking()) ?? (await postgresLacking());
const examples = join(repository, 'examples', 'ocr');
const inSystem = ['--namespace', SYSTEM_NAMESPACE];
const ledger = ['ledger.type=PostgreSQL', 'ledger.postgresql.existingSecret=isochrone-ledger'];

/** Each test goes on from where the one before it left the clusters. */
describe('installed with Helm on a hub and two edges', { skip: lacking ?? false }, () => {
  let all: Installation;
  let first: Release;
  let reader: Reader;
  let earlier: Awaited<ReturnType<typeof earlierSources>>;

  const edgeCluster = async (name: string): Promise<EdgeCluster> =>
    JSON.parse(await all.kubectl(['get', 'edgecluster', name, '-o', 'json'])) as EdgeCluster;
  const isReady = async (name: string): Promise<boolean> =>
    isConditionTrue((await edgeCluster(name)).status?.conditions, 'Ready');
  /** The demonstration's job with another name and smaller shards, so that it lasts. */
  const submit = async (name: string): Promise<void> => {
    const job = await exampleJob();
    const spec = { ...job.spec, recordsPerShard: 2, output: { ...job.spec.output, uri: `s3://vision/${name}/` } };
    await all.kubectl(['apply', '-f', '-'], JSON.stringify({ ...job, metadata: { ...job.metadata, name }, spec }));
    await patiently(async () => (await completeShards(all, name)) > 0, `the first shard of ${name} is complete`);
  };

  before(async () => {
    all = await Installation.start();
    reader = await Reader.at(all.folder);
    earlier = await earlierSources(repository, all.folder, process.env['UPGRADE_FROM']);
    first = typeof earlier === 'string' ? presentRelease : await all.addEarlier(earlier.folder);
  });

  after(async () => {
    await all?.stop();
  });

  test('the hub, with two replicas of each program on PostgreSQL', async () => {
    await all.kubectl([
      ...['create', 'secret', 'generic', 'isochrone-ledger', ...inSystem, `--from-literal=url=${all.postgres.url}`],
    ]);
    await all.upgradeHub(first, ...ledger);
    for (const program of ['operator', 'scheduler']) {
      const path = 'jsonpath={.status.readyReplicas}';
      assert.equal(await all.kubectl(['get', 'deployment', `isochrone-${program}`, ...inSystem, '-o', path]), '2');
    }
    assert.match(await all.helm(all.hub, 'test', 'isochrone'), /Phase:\s+Succeeded/);
  });

  test('members join', async () => {
    const files = ['providers.yaml', 'edgeclusters.yaml'].flatMap((file) => ['-f', join(examples, file)]);
    await all.kubectl(['apply', ...files]);
    await Promise.all(all.memberNames.map((name) => all.join(name, first)));
    for (const name of all.memberNames) {
      await patiently(() => isReady(name), `EdgeCluster ${name} is Ready`);
    }
    const gpus = 'jsonpath={.spec.containers[0].resources.limits.nvidia\\.com/gpu}';
    const pod = ['get', 'pod', 'isochrone-agent-gpu-0', ...inSystem, '-o', gpus];
    assert.equal(await all.members.get('san-francisco')!.kubectl(pod), '1');
  });

  test('kubectl explain tells of every kind', async (context) => {
    const meter = await Meter.start(new Set(all.members.values()));
    const kinds = ['edgecluster', 'provider', 'inferencemodel', 'inferencejob', 'inferencenode', 'inferencetask'];
    for (const kind of kinds) {
      const text = await all.kubectl(['explain', `${kind}.spec`, '--recursive=false']);
      assert.match(text, /DESCRIPTION:\n {4}\w/);
      assert.doesNotMatch(text, /<no description>/, `${kind}: each field says what it is`);
    }
    const atRest = await meter.stop();
    context.diagnostic(`at rest: ${describeMeasured(atRest)}`);
    for (const [container, { leastMemory }] of atRest)
      assert.ok(leastMemory <= (await memoryOf(container)).request, `${container} uses more at rest than it asks for`);
  });

  test('the job of the demonstration completes', async (context) => {
    const meter = await Meter.start(new Set(all.members.values()));
    await uploadOcr(all);
    await all.isochrone('ledger', 'deposit', ocrNamespace, '10.00', '--idempotency-key', 'cluster-test');
    await admitOcrModel(all);
    await submitOcrJob(all);
    await assertCompleteAndPaidOnce(all, ocrJob);
    const working = await meter.stop();
    context.diagnostic(`under the job: ${describeMeasured(working)}`);
    assert.deepEqual([...working.keys()].sort(), ['agent', 'edge', 'operator', 'scheduler', 'verifier']);
    for (const [container, { peakMemory }] of working)
      assert.ok(peakMemory <= 0.75 * (await memoryOf(container)).limit, `${container} comes close to its limit`);
    const results = join(all.folder, 'results');
    await mkdir(results);
    await all.plugin('results', `job/${ocrJob}`, '--namespace', ocrNamespace, '--output', results);
    const shards = (await readdir(results)).filter((name) => name.endsWith('.npy')).sort();
    const { accuracy } = readResults(await Promise.all(shards.map((name) => readFile(join(results, name)))));
    assert.ok(accuracy >= REQUIRED_ACCURACY, String(accuracy));
  });

  test('an upgrade during a job loses nothing', async (context) => {
    if (typeof earlier === 'string') context.diagnostic(`from the present charts, not from earlier ones: ${earlier}`);
    else context.diagnostic(`from the charts and images of ${earlier.commit}`);
    await submit('upgraded');
    // Without other charts, their Pods are replaced all the same.
    const anew = ['operator', 'scheduler'].map((program) => `${program}.podAnnotations.upgrade=now`);
    await all.upgradeHub(presentRelease, ...ledger, ...anew);
    // Members are upgraded by others, later: until then their programs work for the new hub.
    await submit('between');
    await Promise.all(
      all.memberNames.map((name) =>
        all.upgradeEdge(presentRelease, name, ...['edge', 'agent'].map((one) => `${one}.podAnnotations.upgrade=now`)),
      ),
    );
    await assertCompleteAndPaidOnce(all, 'upgraded');
    await assertCompleteAndPaidOnce(all, 'between');
  });

  test('Pods and a kubelet that are killed during a job lose nothing', async () => {
    await submit('killed');
    const frankfurt = all.members.get('frankfurt')!;
    const sanFrancisco = all.members.get('san-francisco')!;
    await sanFrancisco.killKubelet();
    await frankfurt.killPod(SYSTEM_NAMESPACE, await podOf(frankfurt, 'agent'));
    await frankfurt.killPod(SYSTEM_NAMESPACE, await podOf(frankfurt, 'edge'));
    await all.hub.killPod(SYSTEM_NAMESPACE, await podOf(all.hub, 'scheduler'));
    await all.hub.killPod(SYSTEM_NAMESPACE, await podOf(all.hub, 'operator'));
    await sanFrancisco.startKubelet();
    await assertCompleteAndPaidOnce(all, 'killed');
  });

  test('another operator leads within 20 s of the death of the one that led, with its machine', async (context) => {
    const lease = ['get', 'lease', names.operatorLease, ...inSystem, '-o', 'jsonpath={.spec.holderIdentity}'];
    const [leader = ''] = (await all.kubectl(lease)).split('_');
    await all.hub.killKubelet(); // which would start it again
    const killed = performance.now();
    await all.hub.killPod(SYSTEM_NAMESPACE, leader);
    const member = { ...(await edgeCluster('singapore')), status: undefined };
    const created = { ...member, metadata: { name: 'mumbai' } };
    await all.kubectl(['create', '-f', '-'], JSON.stringify(created));
    await patiently(
      async () => isConditionTrue((await edgeCluster('mumbai')).status?.conditions, 'Registered'),
      'a new EdgeCluster is registered',
    );
    const seconds = (performance.now() - killed) / 1000;
    context.diagnostic(`${seconds.toFixed(1)} s from kill -9 to work done by the other`);
    assert.ok(seconds < 20, `${seconds} s`);
    await all.hub.startKubelet();
    assert.notEqual((await all.kubectl(lease)).split('_')[0], leader);
  });

  test('nothing runs that Pod Security "restricted" forbids', async () => {
    for (const cluster of new Set([all.hub, ...all.members.values()])) {
      const level = 'jsonpath={.metadata.labels.pod-security\\.kubernetes\\.io/enforce}';
      assert.equal(await cluster.kubectl(['get', 'namespace', SYSTEM_NAMESPACE, '-o', level]), 'restricted');
      const root = ['run', 'root', ...inSystem, '--image=registry.local/pause:1'];
      await assert.rejects(cluster.kubectl(root), /violates PodSecurity "restricted/);
      await patiently(async () => (await podsNotRunning(cluster)).length === 0, `every Pod of ${cluster.name} runs`);
    }
  });

  test('a release that is uninstalled and installed again goes on with the same books and objects', async () => {
    const balance = await all.isochrone('ledger', 'balance', ocrNamespace);
    await all.helm(all.hub, 'uninstall', 'isochrone', '--wait');
    assert.equal(
      (await all.kubectl(['get', 'inferencejobs', '-n', ocrNamespace, '-o', 'name'])).trim().split('\n').length,
      4,
    );
    await all.upgradeHub(presentRelease, ...ledger);
    assert.equal(await all.isochrone('ledger', 'balance', ocrNamespace), balance);
    for (const name of all.memberNames) await patiently(() => isReady(name), `EdgeCluster ${name} is Ready`);
  });

  test('a federation that is taken apart by the page leaves nothing', { timeout: 300_000 }, async () => {
    const page = 'docs/install.md';
    await reader.follow(all.hub, page, '### Jobs and members, on the hub');
    const leftBehind = (await all.kubectl(['get', 'namespaces', '-o', 'name'])).match(/edge-.*/g);
    assert.equal(leftBehind, null, 'namespaces of members on the hub');
    await Promise.all(
      [...all.members.values()].map((member) => {
        // The page says that the hub's own member needs no more.
        const mine = (line: string): string => (member === all.hub && !line.startsWith('helm') ? ':' : line);
        return reader.follow(member, page, '### Every member', mine);
      }),
    );
    await reader.follow(all.hub, page, '### The hub');
    for (const cluster of all.members.values()) {
      const nothingIsLeft = async (): Promise<true> => {
        assert.deepEqual(await tracesIn(cluster), []);
        return true;
      };
      await patiently(nothingIsLeft, `nothing of Isochrone is left on ${cluster.name}`, 30_000);
    }
  });

  test(
    'a hub with SQLite keeps its books when its Pod is killed, replaced, and restored',
    { timeout: 240_000 },
    async () => {
      const page = 'docs/backup.md';
      const ledgerOf = (...args: string[]): Promise<string> =>
        reader.type(
          all.hub,
          `kubectl exec -n ${SYSTEM_NAMESPACE} deployment/isochrone-operator -- isochrone ledger ${args.join(' ')}`,
        );
      const deposit = (amount: string): Promise<string> => ledgerOf('deposit', ocrNamespace, amount);
      const holds = (balance: string): Promise<unknown> =>
        patiently(async () => {
          assert.equal(
            (JSON.parse(await ledgerOf('balance', ocrNamespace, '-o', 'json')) as { balance: string }).balance,
            balance,
          );
          return true;
        }, `the books hold ${balance}`);
      await createNamespace(all.hub);
      await all.upgradeHub(presentRelease);
      await all.kubectl(['apply', '-f', join(examples, 'providers.yaml')]);
      await deposit('5.00');
      await all.hub.killPod(SYSTEM_NAMESPACE, await podOf(all.hub, 'operator'));
      await holds('5.00');
      await all.upgradeHub(presentRelease, 'operator.podAnnotations.upgrade=now');
      await holds('5.00');

      await reader.follow(all.hub, page, '## In an installed chart');
      await deposit('2.00');
      await holds('7.00');
      const image = (text: string): string =>
        text.replace(/image: \S+/, 'image: registry.local/isochrone/control-plane:test');
      await reader.copy(page, '## Restore', 'isochrone-books.yaml', image);
      // This hub is not lost, so what it has is to be replaced.
      const replacing = (line: string): string => (line.startsWith('isochrone restore') ? `${line} --replace` : line);
      await reader.follow(all.hub, page, '## Restore', replacing);
      await holds('5.00');
      assert.match(await all.kubectl(['get', 'providers', '-o', 'name']), /provider/);
    },
  );
});

async function exampleJob(): Promise<InferenceJob> {
  const documents = parseAllDocuments(await readFile(join(examples, 'job.yaml'), 'utf8'));
  const objects = documents.map((document) => document.toJS() as { kind: string });
  return objects.find(({ kind }) => kind === 'InferenceJob') as InferenceJob;
}

/** A running Pod of a program. */
async function podOf(cluster: Cluster, component: string): Promise<string> {
  const selector = ['-l', `app.kubernetes.io/component=${component}`, '--field-selector', 'status.phase=Running'];
  return cluster.kubectl(['get', 'pods', ...inSystem, ...selector, '-o', 'jsonpath={.items[0].metadata.name}']);
}

async function podsNotRunning(cluster: Cluster): Promise<string[]> {
  const output = await cluster.kubectl([
    ...['get', 'pods', ...inSystem, '-o', 'name', '--field-selector', 'status.phase!=Running,status.phase!=Succeeded'],
  ]);
  return output.split('\n').filter(Boolean);
}
