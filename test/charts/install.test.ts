import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { ApiClient, type Secret } from '@isochrone/kube';
import { applyCrds, kubectl, withControlPlane } from '../harness/index.ts';
import { apply, applyOtherCrds, dryInstall, helmIn, surroundings, systemNamespace } from './cluster.ts';
import { helm, type Chart, type Values } from './helm.ts';
import { rightsOf } from './rights.ts';

const plane = await withControlPlane({ crds: false });
const { adminKubeconfig } = plane;
const inSystem = (...args: string[]): Promise<string> => kubectl(adminKubeconfig, ['-n', 'isochrone-system', ...args]);
const secret = async (name: string): Promise<Record<string, string>> => {
  const { data = {} } = JSON.parse(await inSystem('get', 'secret', name, '-o', 'json')) as Secret;
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]));
};
const member = { cluster: 'alpha', token: 'isochrone-join-v1.e30' };
const trial = { cpu: { enabled: true, price: '0.1' }, state: { type: 'EmptyDir' } };
const l4 = { name: 'l4', gpus: 1, price: '0.2' };

await apply(plane, systemNamespace('restricted'));

const refusals: [Chart, string, Values, RegExp][] = [
  [
    'isochrone',
    'no StorageClass',
    {},
    /ledger\.sqlite\.storageClassName is empty, but this cluster has no default StorageClass/,
  ],
  [
    'isochrone',
    'a StorageClass that there is not',
    { ledger: { sqlite: { storageClassName: 'fast' } } },
    /is "fast", but there is no such StorageClass; there are: none/,
  ],
  [
    'isochrone',
    'a claim that there is not',
    { ledger: { sqlite: { existingClaim: 'books' } } },
    /existingClaim is "books", but there is no such PersistentVolumeClaim/,
  ],
  [
    'isochrone',
    'no Secret for PostgreSQL',
    { ledger: { type: 'PostgreSQL', postgresql: { existingSecret: 'books' } } },
    /is "books", but there is no such Secret in isochrone-system; make it: kubectl/,
  ],
  [
    'isochrone',
    'no Prometheus Operator',
    { metrics: { serviceMonitor: { enabled: true } } },
    /no kind ServiceMonitor; install the Prometheus Operator first/,
  ],
  [
    'isochrone',
    'no cert-manager',
    { tls: { provider: 'CertManager' } },
    /no kind Certificate; install cert-manager first/,
  ],
  [
    'isochrone',
    'no CRDs',
    { crds: { install: false } },
    /crds\.install is false, but CustomResourceDefinition .* does not exist; set crds\.install=true/,
  ],
  [
    'isochrone-edge',
    'no StorageClass',
    { ...member, nodeClasses: [l4] },
    /state\.persistentVolumeClaim\.storageClassName is empty, but this cluster has no default/,
  ],
  [
    'isochrone-edge',
    'no token and no credential',
    { cluster: 'alpha' },
    /token is empty and this cluster has not joined yet/,
  ],
  [
    'isochrone-edge',
    'no Secret with the token',
    { cluster: 'alpha', existingTokenSecret: 'join' },
    /existingTokenSecret is "join", but there is no such Secret with a key token/,
  ],
  [
    'isochrone-edge',
    'no RuntimeClass',
    { ...member, nodeClasses: [{ ...l4, runtimeClassName: 'nvidia' }] },
    /runtimeClassName is "nvidia", but there is no such RuntimeClass/,
  ],
  [
    'isochrone-edge',
    'no DRA driver',
    { ...member, dra: { enabled: true, price: '1' } },
    /dra\.deviceClassName is "gpu\.nvidia\.com", but there is no such DeviceClass/,
  ],
];
for (const [chart, name, values, expected] of refusals) {
  test(`${chart} is refused: ${name}`, () => assert.rejects(dryInstall(plane, chart, values), expected));
}

test('what the messages ask for is enough', async () => {
  await applyOtherCrds(plane);
  await apply(plane, ...surroundings);
  const monitoring = {
    metrics: { serviceMonitor: { enabled: true }, prometheusRule: { enabled: true }, dashboards: { enabled: true } },
  };
  await dryInstall(plane, 'isochrone', { ...monitoring, tls: { provider: 'CertManager' } });
  await dryInstall(plane, 'isochrone-edge', {
    ...member,
    ...monitoring,
    nodeClasses: [{ ...l4, runtimeClassName: 'nvidia' }],
    dra: { enabled: true, price: '1' },
  });
});

test('CRDs that were applied from the folder crds/ are taken as they are, and handed over as the message says', async () => {
  await applyCrds(plane);
  await dryInstall(plane, 'isochrone', { crds: { install: false } });
  await dryInstall(plane, 'isochrone-edge', { ...member, ...trial, crds: { install: false } });
  const refused = dryInstall(plane, 'isochrone', {});
  await assert.rejects(refused, /belongs to no Helm release; .*: kubectl annotate crd edgeclusters\.isochrone\.dev/);
  const release = ['meta.helm.sh/release-name=isochrone', 'meta.helm.sh/release-namespace=isochrone-system'];
  const names = (await kubectl(adminKubeconfig, ['get', 'crds', '-o', 'name'])).trim().split('\n');
  const crds = names.filter((name) => name.endsWith('.isochrone.dev'));
  await kubectl(adminKubeconfig, ['annotate', ...crds, ...release]);
  await kubectl(adminKubeconfig, ['label', ...crds, 'app.kubernetes.io/managed-by=Helm']);
});

test('a hub is installed, and says what is next', async () => {
  const said = await helmIn(plane, 'install', 'isochrone', {});
  assert.match(said, /kubectl isochrone edge token create CLUSTER/);
  assert.match(said, /operator\.edgeServer is empty/);
  assert.match(said, /For failover: ledger\.type=PostgreSQL/);
});

test('a second hub in the same cluster is refused', () =>
  assert.rejects(
    dryInstall(plane, 'isochrone', { crds: { install: false } }, 'another'),
    /this cluster already has a hub, release isochrone-system\/isochrone; a cluster holds one hub/,
  ));

test('a member of the hub’s own cluster leaves the CRDs to the hub’s release', async () => {
  const both = dryInstall(plane, 'isochrone-edge', { ...member, ...trial });
  await assert.rejects(both, /belongs to release isochrone-system\/isochrone; set crds\.install=false/);
  const crd = ['crd', 'inferencetasks.isochrone.dev'];
  await kubectl(adminKubeconfig, ['label', '--overwrite', ...crd, 'app.kubernetes.io/version=0.0.9']);
  const old = dryInstall(plane, 'isochrone-edge', { ...member, ...trial, crds: { install: false } });
  await assert.rejects(old, /inferencetasks\.isochrone\.dev is of version 0\.0\.9 and this chart of 0\.1\.0; upgrade/);
  await kubectl(adminKubeconfig, ['label', '--overwrite', ...crd, 'app.kubernetes.io/version=0.1.0']);
  const said = await helmIn(plane, 'install', 'isochrone-edge', { ...member, ...trial, crds: { install: false } });
  assert.match(said, /kubectl isochrone edge accept alpha/);
  const twice = dryInstall(plane, 'isochrone-edge', { ...member, crds: { install: false } }, 'second');
  await assert.rejects(twice, /this cluster is a member already, by release isochrone-system\/isochrone-edge/);
});

const rights: readonly (readonly [serviceAccount: string, rights: readonly string[]])[] = [
  [
    'isochrone-operator',
    [
      'edgeclusters: get,list,watch,patch',
      'providers: get,list,watch',
      'inferencemodels: get,list,watch',
      'inferencejobs: get,list,watch,patch',
      'inferencenodes: get,list,watch,create,update',
      'inferencetasks: get,list,watch,create,patch,delete',
      'nodereports: get,list,watch,create,patch',
      'edgejoinrequests: get,list,watch,patch,delete',
      'edgejoinrequests/status: patch',
      'edgeclusters/status: patch',
      'providers/status: patch',
      'inferencemodels/status: patch',
      'inferencejobs/status: patch',
      'inferencenodes/status: patch',
      'inferencetasks/status: patch',
      'namespaces: get,list,watch,create,delete',
      'secrets: get,list,watch,create,patch,delete',
      'configmaps: create in isochrone-system',
      'leases: create in isochrone-system',
      'events: create,patch',
      'flowschemas: get,list,watch,create,patch',
    ],
  ],
  [
    'isochrone-scheduler',
    [
      'edgeclusters: get,list,watch',
      'providers: get,list,watch',
      'inferencenodes: get,list,watch',
      'inferencetasks: get,list,watch',
    ],
  ],
  [
    'isochrone-edge',
    [
      'inferencenodes: get,list,watch in isochrone-system',
      'inferencetasks: get,list,watch,create,patch,delete in isochrone-system',
      'secrets: get,list,watch,create,patch,delete in isochrone-system',
      'leases: get,list,watch in isochrone-system',
      'events: create,patch in isochrone-system',
    ],
  ],
  [
    'isochrone-agent',
    [
      'inferencenodes: get,list,watch,create,update,patch in isochrone-system',
      'inferencetasks: get,list,watch in isochrone-system',
      'inferencenodes/status: patch in isochrone-system',
      'inferencetasks/status: patch in isochrone-system',
      'secrets: get in isochrone-system',
      'leases: get,list,watch,create,update,patch in isochrone-system',
    ],
  ],
];
for (const [serviceAccount, expected] of rights) {
  test(`${serviceAccount} of the installed charts may do what is written, and nothing else`, async () => {
    const client = await ApiClient.fromKubeconfig({ path: adminKubeconfig, userAgent: 'test' });
    try {
      assert.deepEqual(await rightsOf(client, serviceAccount, ['isochrone-system', 'edge-alpha', 'default']), expected);
    } finally {
      await client.close();
    }
  });
}

test('operator and scheduler have certificates of one authority, which name them', async () => {
  const authority = new X509Certificate((await secret('isochrone-ca'))['tls.crt']!);
  for (const [program, host] of [
    ['operator', 'isochrone-operator'],
    ['scheduler', 'isochrone-scheduler.isochrone-system.svc'],
  ] as const) {
    const files = await secret(`isochrone-${program}-tls`);
    const certificate = new X509Certificate(files['tls.crt']!);
    assert.ok(certificate.verify(authority.publicKey), program);
    assert.equal(certificate.checkHost(host), host);
    assert.equal(new X509Certificate(files['ca.crt']!).fingerprint256, authority.fingerprint256);
  }
});

test('an upgrade keeps certificates until a third of their life is over, and then their authority', async () => {
  const before = await secret('isochrone-scheduler-tls');
  await helmIn(plane, 'upgrade', 'isochrone', { scheduler: { logLevel: 'debug' } });
  assert.deepEqual(await secret('isochrone-scheduler-tls'), before);
  const yearAgo = Math.floor(Date.now() / 1000) - 366 * 86_400;
  await inSystem('annotate', '--overwrite', 'secret', 'isochrone-scheduler-tls', `isochrone.dev/issued-at=${yearAgo}`);
  await helmIn(plane, 'upgrade', 'isochrone', {});
  const renewed = await secret('isochrone-scheduler-tls');
  assert.notEqual(renewed['tls.crt'], before['tls.crt']);
  assert.equal(renewed['ca.crt'], before['ca.crt']);
});

test('once it has joined, a member is upgraded without a token', async () => {
  await inSystem('create', 'secret', 'generic', 'isochrone-hub', '--from-literal=token=x');
  await helmIn(plane, 'upgrade', 'isochrone-edge', { cluster: 'alpha', crds: { install: false } });
  assert.doesNotMatch(await inSystem('get', 'secrets', '-o', 'name'), /join-token/);
});

test('uninstalling leaves nothing but kinds, books and credential', async () => {
  for (const release of ['isochrone-edge', 'isochrone'])
    await helm(['uninstall', release, '--kubeconfig', adminKubeconfig]);
  const kinds =
    'deployments,daemonsets,statefulsets,services,serviceaccounts,secrets,configmaps,roles,rolebindings,networkpolicies,persistentvolumeclaims';
  const left = (await inSystem('get', kinds, '-o', 'name')).trim().split('\n');
  assert.deepEqual(left, ['serviceaccount/default', 'secret/isochrone-hub', 'persistentvolumeclaim/isochrone-ledger']);
  const wide = 'clusterroles,clusterrolebindings,priorityclasses,prioritylevelconfigurations';
  assert.doesNotMatch(await kubectl(adminKubeconfig, ['get', wide, '-o', 'name']), /isochrone/);
  assert.match(await kubectl(adminKubeconfig, ['get', 'crds', '-o', 'name']), /inferencejobs\.isochrone\.dev/);
});
