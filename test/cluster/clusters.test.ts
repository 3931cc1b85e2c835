import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { glob, readFile, stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import {
  clusterLacking,
  hostAddress,
  startCluster,
  startClusters,
  writeProgramImage,
  type Cluster,
} from '@isochrone/tools/cluster';
import { eventually } from '@isochrone/tools/local';
import { apply, fetchCode, nodeImage, pod, runPod } from './pods.ts';

const lacking = await clusterLacking();
const forever = 'setInterval(() => undefined, 2 ** 30);';

describe('clusters with Pods', { skip: lacking ?? false }, () => {
  let one: Cluster;
  let other: Cluster;
  const ready = (name: string): Promise<string> =>
    one.kubectl(['wait', '--for=condition=Ready', `pod/${name}`, '--timeout=60s']);

  before(async () => {
    [one, other] = (await startClusters([
      { name: 'one', index: 1, gpus: 2 },
      { name: 'other', index: 2 },
    ])) as [Cluster, Cluster];
    const archive = join(one.directory, 'node.tar');
    await writeProgramImage({ reference: nodeImage, program: process.execPath }, archive);
    await one.importImage(archive);
  });

  after(async () => {
    await Promise.all([one, other].map((cluster) => cluster?.stop()));
  });

  test('a Service is found by its name, and answers a Pod; so does a Pod answer itself through it', async () => {
    const code = `import { createServer } from 'node:http'; createServer((_, r) => r.end('served')).listen(8080);`;
    await apply(one, pod({ name: 'web', code, labels: { app: 'web' } }), {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web' },
      spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] },
    });
    await ready('web');
    for (const [index, host] of ['web', 'web.default.svc.cluster.local'].entries()) {
      assert.equal(await runPod(one, { name: `client-${index}`, code: fetchCode(`http://${host}/`) }), 'served');
    }
    // By its whole name: the short one is the Pod's own.
    const itself = fetchCode('http://web.default.svc.cluster.local/');
    const exec = ['exec', 'web', '--', process.execPath, '--input-type=module', '--eval', itself];
    assert.equal((await one.kubectl(exec)).trim(), 'served');
  });

  test('a Pod reaches the API servers of its cluster and of another, and what runs beside the clusters', async () => {
    const beside: Server = createServer((_, response) => response.end('beside')).listen(0, hostAddress);
    await once(beside, 'listening');
    const { port } = beside.address() as { port: number };
    const code = `
      import { readFileSync } from 'node:fs';
      const get = (url, init) => fetch(url, { signal: AbortSignal.timeout(5000), ...init });
      const token = readFileSync('/var/run/secrets/kubernetes.io/serviceaccount/token', 'utf8');
      process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
      const own = await get('https://kubernetes.default/api/v1/secrets', { headers: { authorization: 'Bearer ' + token } });
      const other = await get('${other.server}/livez');
      const beside = await get('http://${hostAddress}:${port}/');
      console.log(own.status, other.status, await beside.text());`;
    try {
      // 403: it is known who asks, and RBAC refuses. 200: anybody may ask for that.
      assert.match(await runPod(one, { name: 'caller', code }), /^403 200 beside$/m);
    } finally {
      beside.close();
    }
  });

  test('a claim without a class is bound, and the volume belongs to who the Pod says', async () => {
    await apply(one, {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'data' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    });
    const write = `import { writeFileSync } from 'node:fs'; writeFileSync('/data/file', 'kept');`;
    await runPod(one, { name: 'writer', code: write, claim: 'data' });
    const read = `import { readFileSync } from 'node:fs'; console.log(readFileSync('/data/file', 'utf8'));`;
    assert.equal(await runPod(one, { name: 'reader', code: read, claim: 'data' }), 'kept');
  });

  test('a Pod that asks for a GPU gets one of its own, and waits where there is none left', async () => {
    const limits = { 'nvidia.com/gpu': '1' };
    const code = `console.log(process.env.NVIDIA_VISIBLE_DEVICES); ${forever}`;
    await apply(one, pod({ name: 'gpu-0', code, limits }), pod({ name: 'gpu-1', code, limits }));
    await Promise.all([ready('gpu-0'), ready('gpu-1')]);
    const devices = await Promise.all(['gpu-0', 'gpu-1'].map((name) => one.kubectl(['logs', name])));
    assert.deepEqual(devices.map((text) => text.trim()).sort(), ['GPU-fake-0', 'GPU-fake-1']);
    await apply(one, pod({ name: 'gpu-2', code, limits }));
    const message = 'jsonpath={.status.conditions[?(@.type=="PodScheduled")].message}';
    await eventually(
      async () => /Insufficient nvidia.com\/gpu/.test(await one.kubectl(['get', 'pod', 'gpu-2', '-o', message])),
      { timeout: 30_000, describe: 'the third Pod is told why it waits' },
    );
    await one.kubectl(['delete', 'pod', 'gpu-0']);
    await ready('gpu-2');
  });

  // docs/cluster-tests.md says so. When this fails, the network enforces policies: then the charts' own can be tested here.
  test('NetworkPolicies are accepted and not enforced', async () => {
    await apply(one, {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: 'nothing' },
      spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'] },
    });
    assert.equal(await runPod(one, { name: 'forbidden', code: fetchCode('http://web/') }), 'served');
    await one.kubectl(['delete', 'networkpolicy', 'nothing']);
  });

  test('Pods run on without kubelet, which offers the GPUs again when it is back', async () => {
    await one.killKubelet();
    const web = async (): Promise<string> =>
      one.kubectl(['get', 'pod', 'web', '-o', 'jsonpath={.status.containerStatuses[0].containerID}']);
    const before = await web();
    await one.kubectl(['delete', 'pod', 'gpu-1', '--wait=false']);
    await assert.rejects(one.kubectl(['logs', 'web']), /connection refused/);
    await one.startKubelet();
    await one.kubectl(['wait', '--for=delete', 'pod/gpu-1', '--timeout=60s']);
    assert.equal(await web(), before);
    await one.kubectl(['delete', 'pod', 'gpu-2']);
    const code = 'console.log(process.env.NVIDIA_VISIBLE_DEVICES);';
    assert.match(await runPod(one, { name: 'gpu-3', code, limits: { 'nvidia.com/gpu': '1' } }), /^GPU-fake-\d$/);
    assert.equal(await runPod(one, { name: 'client-2', code: fetchCode('http://web/') }), 'served');
  });

  test('nothing is left of a cluster whose program is killed', async () => {
    const { child, directory } = await doomed(3);
    child.kill('SIGKILL');
    await eventually(async () => (await traces(3, directory)).length === 0, {
      timeout: 30_000,
      describe: 'the cluster is gone',
    });
  });

  test('what is left when its clean-up is killed too goes at the next start', async () => {
    const { child, directory } = await doomed(3);
    const [pid] = (await readFile('/run/isochrone/cluster-3.pid', 'utf8')).split(' ');
    process.kill(Number(pid), 'SIGKILL');
    child.kill('SIGKILL');
    await once(child, 'exit');
    assert.notDeepEqual(await traces(3, directory), []);
    const next = await startCluster({ name: 'next', index: 3 });
    await assert.rejects(stat(directory), { code: 'ENOENT' });
    await next.stop();
    assert.deepEqual(await traces(3, next.directory), []);
  });
});

async function doomed(index: number): Promise<{ child: ReturnType<typeof spawn>; directory: string }> {
  const program = join(import.meta.dirname, 'cluster-process.ts');
  const child = spawn(process.execPath, [program, String(index)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [directory] = (await once(createInterface(child.stdout), 'line')) as [string];
  return { child, directory };
}

/** What there is of a cluster on this machine. */
async function traces(index: number, directory: string): Promise<string[]> {
  const found: string[] = [];
  const paths = [`/sys/fs/cgroup/*/isochrone-cluster-${index}`, `/sys/class/net/isochrone-${index}`];
  for await (const path of glob([...paths, `/run/isochrone/cluster-${index}.pid`, directory])) found.push(path);
  for await (const path of glob('/proc/[0-9]*/cmdline')) {
    const line = await readFile(path, 'utf8').catch(() => '');
    if (line.includes(directory)) found.push(line.replaceAll('\0', ' '));
  }
  return found;
}
