import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { edgeClusterResource, JOIN_NAMESPACE, names, providerResource, SYSTEM_NAMESPACE } from '@isochrone/api';
import { diagnose } from '@isochrone/cli/doctor';
import { ApiClient, type KubeObject, type Resource } from '@isochrone/kube';
import { startControlPlane } from '@isochrone/tools/local';
import { applyOtherCrds, helmIn, surroundings } from '../charts/cluster.ts';
import { createProvider, edgeCluster } from '../federation/member.ts';
import { doctor, isReady, noAddress, runUnready, unschedulable, withInstalled } from './installed.ts';

const condition = (type: string, status: string, reason: string) => ({
  ...{ type, status, reason, message: 'why', lastTransitionTime: '2026-11-01T00:00:00Z' },
});
const waiting = (reason: string, last = '') => ({
  phase: 'Pending',
  containerStatuses: [
    {
      ...{ name: 'main', image: 'nowhere.example/control-plane:0.1.0', imageID: '', ready: false, restartCount: 3 },
      state: { waiting: { reason, message: 'back-off' } },
      lastState: { terminated: { exitCode: 2, message: last } },
    },
  ],
});
describe('doctor on a hub', async () => {
  const hub = await withInstalled('isochrone', {});
  const { plane, admin } = hub;
  const claim = (phase: string) =>
    hub.kubectl(
      ...['-n', SYSTEM_NAMESPACE, 'patch', 'pvc', 'isochrone-ledger', '--subresource=status', '--type=merge'],
      ...['-p', JSON.stringify({ status: { phase } })],
    );
  const withStatus = async (resource: Resource, object: KubeObject, status: object): Promise<void> => {
    await hub.apply(object);
    const { namespace, name } = object.metadata;
    await admin.mergePatch(resource, { ...(namespace && { namespace }), name: name! }, { status } as object, {
      subresource: 'status',
    });
  };

  test('tells that nothing runs, and nobody leads', async () => {
    await claim('Bound');
    await hub.finds('NotInstalled', 'NoLeader');
  });

  test('finds nothing where nothing is wrong, and says so with status 0', async () => {
    await hub.startPods();
    await hub.renewed(names.operatorLease, 0);
    await hub.finds();
    const { status, stdout, stderr } = await doctor(plane.adminKubeconfig);
    assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: 'Nothing is wrong.\n', stderr: '' });
  });

  test('ends with 1 for an error, 0 for a warning, and as JSON tells code, object, message and remedy', async () => {
    await hub.renewed(names.operatorLease, 3600);
    const failed = await doctor(plane.adminKubeconfig, '-o', 'json');
    assert.equal(failed.status, 1, failed.stderr);
    const [{ code, object, message, remedy }] = (JSON.parse(failed.stdout) as { findings: [Record<string, string>] })
      .findings;
    assert.deepEqual([code, object], ['NoLeader', `Lease ${SYSTEM_NAMESPACE}/isochrone-operator`]);
    assert.match(message!, /not renewed it for 36/);
    assert.match(remedy!, /Start the operator/);
    await hub.renewed(names.operatorLease, 0);
    const nobody = await doctor(await plane.kubeconfigFor('nobody'));
    assert.equal(nobody.status, 0, nobody.stdout + nobody.stderr);
    assert.match(nobody.stdout, /WARN {2}PermissionMissing.*\n.*you may not list customresourcedefinitions/);
  });

  test('an API server that is away', async () => {
    const away = ApiClient.fromOptions({ server: 'https://127.0.0.1:1', token: 'x' });
    const found = await diagnose(away, Date.now()).finally(() => away.close());
    assert.deepEqual(
      found.map(({ code }) => code),
      ['ServerUnreachable'],
    );
    assert.match(found[0]!.message, /ECONNREFUSED/);
  });

  test('Kubernetes that is too old', { timeout: 120_000 }, async () => {
    await using old = await startControlPlane({ name: 'old', emulatedVersion: '1.33' });
    const client = await ApiClient.fromKubeconfig({ path: old.adminKubeconfig });
    const found = await diagnose(client, Date.now()).finally(() => client.close());
    const tooOld = found.find(({ code }) => code === 'KubernetesTooOld');
    assert.match(tooOld?.message ?? '', /^it is 1\.33 /);
    assert.ok(found.some(({ code }) => code === 'CRDMissing'));
  });

  test('CRDs that are missing, older, or not served', { timeout: 120_000 }, async () => {
    const saved = async (name: string): Promise<Crd> => {
      const crd = JSON.parse(await hub.kubectl('get', 'crd', name, '-o', 'json')) as Crd;
      const { annotations, labels } = crd.metadata;
      return { ...crd, metadata: { name, annotations, labels }, status: undefined };
    };
    const providers = await saved('providers.isochrone.dev');
    await hub.kubectl('delete', 'crd', 'providers.isochrone.dev');
    const [missing] = await hub.finds('CRDMissing');
    assert.match(missing!.message, /providers\.isochrone\.dev/);
    // Another project's kind of the same name.
    const names = { kind: 'Provider', plural: 'others', singular: 'other', listKind: 'ProviderList' };
    await hub.apply({ ...providers, metadata: { name: 'others.isochrone.dev' }, spec: { ...providers.spec, names } });
    await hub.apply(providers);
    const [unserved] = await hub.finds('CRDNotEstablished');
    assert.match(unserved!.message, /already in use/);
    await hub.kubectl('delete', 'crd', 'others.isochrone.dev');
    await hub.finds();

    const jobs = await saved('inferencejobs.isochrone.dev');
    const field = '/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/uid';
    const older = JSON.stringify([{ op: 'remove', path: field }]);
    await hub.kubectl('patch', 'crd', 'inferencejobs.isochrone.dev', '--type=json', '-p', older);
    const [old] = await hub.finds('CRDOlder');
    assert.match(old!.object + old!.message, /inferencejobs\.isochrone\.dev.*status\.uid/);
    await hub.apply(jobs);
    await hub.finds();
  });

  test('a program without its rights', async () => {
    const role = ['clusterrole', 'isochrone-scheduler'];
    const { rules } = JSON.parse(await hub.kubectl('get', ...role, '-o', 'json')) as { rules: object[] };
    const give = (given: object[]) =>
      hub.kubectl('patch', ...role, '--type=merge', '-p', JSON.stringify({ rules: given }));
    await give([]);
    const found = await hub.finds('RightMissing', 'RightMissing');
    assert.match(found[0]!.object + found[0]!.message, /isochrone-scheduler.*watch inferencenodes/);
    await give(rules);
    await hub.finds();
  });

  const podRows: readonly (readonly [code: string, status: object, told: RegExp])[] = [
    ['ImageMissing', waiting('ImagePullBackOff'), /nowhere\.example\/control-plane:0\.1\.0/],
    ['CrashLooping', waiting('CrashLoopBackOff', 'error: option --listen-address is "x"'), /with 2: error: option/],
    ['PodUnschedulable', unschedulable('0/1 nodes are available: Insufficient memory'), /Insufficient memory/],
    [
      'PodNotReady',
      { ...isReady, conditions: [{ type: 'Ready', status: 'False', reason: 'ContainersNotReady' }] },
      /NotReady/,
    ],
  ];
  for (const [code, status, told] of podRows) {
    test(`a Pod of the chart: ${code}`, async () => {
      await hub.setStatus('isochrone-scheduler', { ...status, startTime: '2026-11-01T00:00:00Z' });
      const [found] = await hub.finds(code);
      assert.match(found!.message, told);
      assert.equal(found!.object, `Pod ${SYSTEM_NAMESPACE}/isochrone-scheduler`);
      await hub.setStatus('isochrone-scheduler', { ...isReady, containerStatuses: null });
      await hub.finds();
    });
  }

  test('PostgreSQL that is away, as the operator itself tells it', { skip: noAddress, timeout: 120_000 }, async () => {
    const flags = ['--kubeconfig', plane.adminKubeconfig, '--scheduler-address', '127.0.0.1:1'];
    const ledger = { ISOCHRONE_LEDGER: 'postgresql://me:secret@127.0.0.1:1/books' };
    const operator = await runUnready(hub, 'isochrone-operator', ['operator', ...flags], ledger);
    const [found] = await hub.finds('LedgerAway');
    assert.match(found!.message, /127\.0\.0\.1:1\/books cannot be used now/);
    assert.doesNotMatch(found!.message, /secret/);
    await operator.stop();
    await hub.finds();
  });

  test('a volume without a StorageClass, and one that waits', async () => {
    await claim('Pending');
    await hub.finds('VolumePending');
    await hub.kubectl('delete', 'storageclass', 'standard');
    const [found] = await hub.finds('NoStorageClass');
    assert.match(found!.message, /no StorageClass standard/);
    await hub.apply(...surroundings);
    await claim('Bound');
    await hub.finds();
  });

  test('no Prometheus Operator, where the release has objects of it', { timeout: 60_000 }, async () => {
    const monitors = ['crd', 'servicemonitors.monitoring.coreos.com'];
    const monitored = (enabled: boolean) =>
      helmIn(plane, 'upgrade', 'isochrone', { metrics: { serviceMonitor: { enabled } } });
    await monitored(true);
    await hub.finds();
    await hub.kubectl('delete', ...monitors);
    const [found] = await hub.finds('NoPrometheusOperator');
    assert.match(found!.object + found!.message, /isochrone-system\/isochrone.*ServiceMonitor/);
    await applyOtherCrds(plane);
    await monitored(false);
    await hub.kubectl('delete', ...monitors);
    await hub.finds();
  });

  test('a second hub, and a clock that is ahead', async () => {
    await hub.kubectl('create', 'namespace', 'other');
    await hub.kubectl('create', 'serviceaccount', 'default', '-n', 'other');
    const labels = { 'app.kubernetes.io/part-of': 'isochrone', 'app.kubernetes.io/component': 'operator' };
    const spec = { containers: [{ name: 'operator', image: 'x' }] };
    await hub.apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'operator', namespace: 'other', labels },
      spec,
    });
    const [found] = await hub.finds('TwoHubs');
    assert.match(found!.message, /isochrone-system, other/);
    await hub.kubectl('delete', 'pod', 'operator', '-n', 'other', '--grace-period=0', '--force');
    await hub.renewed(names.operatorLease, -300);
    await hub.finds('ClockSkewed');
    await hub.renewed(names.operatorLease, 0);
    await hub.finds();
  });

  test('a certificate that cannot be used', async () => {
    const data = { 'tls.crt': 'eA==', 'tls.key': 'eA==' };
    const metadata = { name: 'broken-tls', namespace: SYSTEM_NAMESPACE };
    await hub.apply({ apiVersion: 'v1', kind: 'Secret', metadata, type: 'kubernetes.io/tls', data });
    await hub.finds('CertificateExpiring');
    await hub.kubectl('-n', SYSTEM_NAMESPACE, 'delete', 'secret', 'broken-tls');
  });

  test('members: registered, seen, reached, with a credential, asking', { timeout: 60_000 }, async () => {
    await createProvider(admin, 'alpha');
    const registered = condition('Registered', 'True', 'Registered');
    const ready = condition('Ready', 'True', 'LeaseRenewed');
    const at = (seconds: number): string => new Date(Date.now() + seconds * 1000).toISOString().replace(/\.\d+/, '');
    const rows: readonly (readonly [codes: string[], status: object])[] = [
      [['MemberNotRegistered'], { conditions: [condition('Registered', 'False', 'ProviderNotFound')] }],
      [['MemberNeverSeen'], { conditions: [registered, condition('Ready', 'Unknown', 'NeverSeen')] }],
      [['MemberUnreachable'], { conditions: [registered, condition('Ready', 'Unknown', 'Unreachable')] }],
      [['CredentialInvalid'], { conditions: [registered, ready, condition('CredentialValid', 'False', 'Revoked')] }],
      [
        ['CredentialExpiring'],
        { conditions: [registered, ready], credential: { issuedTime: at(-3500), expirationTime: at(300) } },
      ],
      [[], { conditions: [registered, ready], credential: { issuedTime: at(-60), expirationTime: at(3600) } }],
    ];
    for (const [codes, status] of rows) {
      await withStatus(edgeClusterResource, edgeCluster('frankfurt'), status);
      await hub.finds(...codes);
    }
    await hub.kubectl('create', 'namespace', JOIN_NAMESPACE);
    const spec = { clusterName: 'frankfurt', expirationTime: at(3600) };
    const request = {
      apiVersion: 'isochrone.dev/v1alpha1',
      kind: 'EdgeJoinRequest',
      metadata: { name: 'k7q2m9', namespace: JOIN_NAMESPACE },
      spec,
    };
    await hub.apply(request);
    await hub.finds();
    const outcome = { 'isochrone.dev/join-outcome': 'TokenReused' };
    await hub.apply({ ...request, metadata: { ...request.metadata, annotations: outcome } });
    await hub.finds('JoinRefused');
    await hub.kubectl('-n', JOIN_NAMESPACE, 'delete', 'edgejoinrequest', 'k7q2m9');
    await hub.kubectl('delete', 'edgecluster', 'frankfurt');
    await admin.delete(providerResource, { name: 'alpha' });
    await hub.finds();
  });
});

interface Crd {
  readonly metadata: {
    readonly name: string;
    readonly annotations?: object | undefined;
    readonly labels?: object | undefined;
  };
  readonly spec: object;
  readonly status?: undefined;
}
