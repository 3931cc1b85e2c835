import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { JOIN_NAMESPACE, names, SYSTEM_NAMESPACE } from '@isochrone/api';
import { core } from '@isochrone/kube';
import { formatJoinToken } from '@isochrone/operator/join';
import { podsOf, render, type Chart } from '../charts/helm.ts';
import { kubectl } from '../harness/index.ts';
import { doctor, noAddress, runUnready, unschedulable, withInstalled } from './installed.ts';

describe('doctor on a member', async () => {
  const values = {
    cluster: 'alpha',
    token: 'isochrone-join-v1.e30',
    cpu: { enabled: true, price: '0.1' },
    state: { type: 'EmptyDir' },
  };
  const member = await withInstalled('isochrone-edge', values);
  const { plane, admin } = member;
  const claims = (seconds: number) => {
    const now = Math.floor(Date.now() / 1000);
    const body = { iat: now - 3600, exp: now + seconds, 'kubernetes.io': { serviceaccount: { uid: 'u' } } };
    return `h.${Buffer.from(JSON.stringify(body)).toString('base64url')}.s`;
  };
  const credential = (token: string) =>
    member.apply({
      ...{ apiVersion: 'v1', kind: 'Secret', metadata: { name: names.hubCredential, namespace: SYSTEM_NAMESPACE } },
      stringData: { server: 'https://127.0.0.1:1', cluster: 'alpha', token },
    });

  test('that has joined, and in which nothing is wrong', async () => {
    await member.startPods();
    await member.finds('HubCredentialMissing');
    await credential(claims(7200));
    await member.finds('HubUnreachable');
    await member.renewed(names.grantLease, 0);
    await member.finds();
    const { status, stdout } = await doctor(plane.adminKubeconfig);
    assert.deepEqual({ status, stdout }, { status: 0, stdout: 'Nothing is wrong.\n' });
  });

  test('a credential that ends', async () => {
    await credential(claims(300));
    await member.finds('CredentialExpiring');
    await credential(claims(-60));
    await member.finds('HubCredentialMissing');
    await credential(claims(7200));
    await member.finds();
  });

  test('the wrong hub, as the edge operator itself tells it', { skip: noAddress, timeout: 120_000 }, async () => {
    const secret = { namespace: SYSTEM_NAMESPACE, name: names.hubCredential };
    await kubectl(plane.adminKubeconfig, ['-n', secret.namespace, 'delete', 'secret', secret.name]);
    const file = join(plane.directory, 'token');
    const token = { id: 'k7q2m9', namespace: JOIN_NAMESPACE, token: claims(600) };
    // Of another cluster; then of another hub, which knows no such token; then of a hub that is not there.
    const rows: readonly (readonly [code: string, cluster: string, server: string, told: RegExp])[] = [
      ['WrongHub', 'beta', plane.server, /ClusterMismatch: the join token is for EdgeCluster beta/],
      ['WrongHub', 'alpha', plane.server, /TokenRefused: hub https/],
      ['HubUnreachable', 'alpha', 'https://127.0.0.1:1', /cannot be reached \(ECONNREFUSED\)/],
    ];
    for (const [code, cluster, server, told] of rows) {
      await writeFile(file, formatJoinToken({ ...token, server, ca: plane.ca, cluster }));
      const flags = ['--cluster', 'alpha', '--join-token-file', file, '--member-kubeconfig', plane.adminKubeconfig];
      const edge = await runUnready(member, 'isochrone-edge', ['edge', ...flags], {});
      const found = await member.finds(code);
      assert.match(found[0]!.message, told);
      await edge.stop();
      await admin.delete(core.secrets, secret);
    }
    await credential(claims(7200));
    await member.finds();
  });

  test('agents: none, without GPUs, and GPUs without one', async () => {
    const pods = await member.kubectl(
      '-n',
      SYSTEM_NAMESPACE,
      'get',
      'pods',
      '-l',
      'app.kubernetes.io/component=agent',
      '-o',
      'name',
    );
    const [agent = ''] = pods.trim().split('\n');
    await member.setStatus(
      agent.replace('pod/', ''),
      unschedulable('0/1 nodes are available: 1 Insufficient nvidia.com/gpu'),
    );
    await member.finds('GPUPluginMissing');
    await member.kubectl('-n', SYSTEM_NAMESPACE, 'delete', agent, '--grace-period=0', '--force');
    await member.finds('AgentMissing');
    await member.startPods();
    const allocatable = { 'nvidia.com/gpu': '8' };
    await member.apply({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'gpu-1' } });
    await member.kubectl(
      'patch',
      'node',
      'gpu-1',
      '--subresource=status',
      '--type=merge',
      '-p',
      JSON.stringify({ status: { allocatable } }),
    );
    await member.finds('GPUsWithoutAgent');
  });
});

describe('what doctor reads of Pods', () => {
  const agents = { cpu: { enabled: true, price: '0.1' }, state: { type: 'EmptyDir' } };
  const charts = { isochrone: {}, 'isochrone-edge': { cluster: 'alpha', token: 'isochrone-join-v1.e30', ...agents } };
  for (const [chart, values] of Object.entries(charts)) {
    test(`${chart}: a program that ends leaves its last words`, async () => {
      for (const { metadata, spec } of podsOf(await render(chart as Chart, values))) {
        if (metadata.labels?.['app.kubernetes.io/component'] === 'test') continue;
        const { containers, initContainers = [] } = spec as unknown as PodSpec;
        for (const { name, terminationMessagePolicy } of [...initContainers, ...containers])
          assert.equal(terminationMessagePolicy, 'FallbackToLogsOnError', `${metadata.name}/${name}`);
      }
    });
  }
});

interface PodSpec {
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
}

interface Container {
  readonly name: string;
  readonly terminationMessagePolicy?: string;
}
