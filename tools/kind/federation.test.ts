import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describedMembers, documents, KindFederation } from './federation.ts';
import { jobNamed, readDemoJob } from './job.ts';
import { hub, members } from './topology.ts';
import { hubValues, memberValues } from './values.ts';

interface Ran {
  readonly line: string;
  readonly input: string | undefined;
}

/** A federation whose programs only remember that they were run. */
function recorded(answer: (line: string) => string = () => ''): { federation: KindFederation; ran: Ran[] } {
  const ran: Ran[] = [];
  const federation = new KindFederation({
    run: async (program, args, input) => {
      const line = [program.split('/').at(-1), ...args].join(' ');
      ran.push({ line, input });
      return answer(line);
    },
    ...{ folder: '/f', tag: 'kind-1', log: () => undefined, signal: new AbortController().signal },
  });
  return { federation, ran };
}

const positionOf = (ran: readonly Ran[], pattern: RegExp): number => ran.findIndex(({ line }) => pattern.test(line));
const helmOf = (ran: readonly Ran[]): Ran => ran[positionOf(ran, /^helm upgrade/)]!;

test('clusters that are there are not made again', async () => {
  const { federation, ran } = recorded((line) => (line === 'kind get clusters' ? 'isochrone-frankfurt\n' : ''));
  await federation.ensureClusters(undefined);
  assert.deepEqual(
    ran.map(({ line }) => line.split(' ').slice(0, 5).join(' ')),
    [
      'kind get clusters',
      'kind create cluster --name isochrone-hub',
      'kind export kubeconfig --name isochrone-frankfurt',
      'kind create cluster --name isochrone-san-francisco',
    ],
  );
});

test('an upgrade without clusters says what makes them', async () => {
  const { federation } = recorded(() => 'isochrone-hub\n');
  await assert.rejects(federation.assertClusters(), {
    message: /no cluster isochrone-frankfurt, isochrone-san-francisco; run make kind first/,
  });
});

test('the hub is installed where Pods are restricted, and then told of its members', async () => {
  const { federation, ran } = recorded((line) => (line.startsWith('docker inspect') ? '172.18.0.2\n' : ''));
  await federation.installHub();
  const applied = ran.filter(({ line }) => line.includes(' apply -f -'));
  assert.match(applied[0]?.input ?? '', /"pod-security.kubernetes.io\/enforce":"restricted"/);
  assert.equal(helmOf(ran).input, JSON.stringify(hubValues('kind-1', 'https://172.18.0.2:6443')));
  assert.match(helmOf(ran).line, /charts\/isochrone --namespace isochrone-system .* --values - --wait/);
  assert.match(applied[1]?.input ?? '', /"name":"frankfurt"/);
});

test('a member joins by a token that no list of processes shows, and is accepted', async () => {
  const { federation, ran } = recorded((line) => {
    if (line.startsWith('docker inspect')) return '172.18.0.2\n';
    return / token create /.test(line) ? 'isochrone-join-v1.x\n' : '';
  });
  await federation.installMember(members[1]!);
  const helm = helmOf(ran);
  assert.equal((JSON.parse(helm.input ?? '') as { token: string }).token, 'isochrone-join-v1.x');
  assert.ok(!ran.some(({ line }) => line.includes('isochrone-join-v1.')));
  assert.doesNotMatch(helm.line, /--wait/, 'its Pods become ready only when it is accepted');
  const order = [
    /token create frankfurt --server https:\/\/172\.18\.0\.2:6443/,
    /^helm upgrade/,
    /edge accept frankfurt/,
    /wait .*edgecluster\/frankfurt/,
  ];
  const positions = order.map((pattern) => positionOf(ran, pattern));
  assert.deepEqual(
    positions.toSorted((a, b) => a - b),
    positions,
  );
  assert.ok(!positions.includes(-1));
});

test('a member that has joined is upgraded without a token', async () => {
  const { federation, ran } = recorded((line) =>
    /get secret isochrone-hub/.test(line) ? 'secret/isochrone-hub\n' : '',
  );
  await federation.installMember(members[1]!);
  assert.equal(positionOf(ran, / edge (token|accept) /), -1);
  assert.deepEqual(JSON.parse(helmOf(ran).input ?? ''), memberValues(members[1]!, { tag: 'kind-1', onHub: false }));
  assert.match(helmOf(ran).line, /--wait/);
});

test("the hub's release holds the CRDs where a member is on the hub", () => {
  const values = memberValues(hub, { tag: 'kind-1', onHub: true, token: 't' });
  assert.deepEqual((values as { crds?: object }).crds, { install: false });
  assert.equal('crds' in memberValues(members[1]!, { tag: 'kind-1', onHub: false }), false);
});

test('of the example, the members that there are clusters for are described, and who is paid for them', async () => {
  const described = describedMembers(await documents('providers.yaml'), await documents('edgeclusters.yaml'));
  assert.deepEqual(
    described.map(({ kind, metadata }) => `${kind} ${metadata.name}`),
    [
      ...['Provider federation', 'Provider main-river-compute', 'Provider golden-gate-gpu'],
      ...['EdgeCluster hub', 'EdgeCluster frankfurt', 'EdgeCluster san-francisco'],
    ],
  );
});

test('the job of an upgrade writes where no other one does', async () => {
  const { job, model } = await readDemoJob();
  const again = jobNamed(job, 'upgrade-1');
  assert.equal(again.metadata.name, 'upgrade-1');
  assert.equal(again.spec.output.uri, 's3://vision/upgrade-1/');
  assert.deepEqual(again.spec.input, job.spec.input);
  assert.equal(model.kind, 'InferenceModel');
});
