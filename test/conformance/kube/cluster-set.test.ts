import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { ApiClient, ClusterNotConnectedError, ClusterSet, core, Informer } from '@isochrone/kube';
import { eventually, withControlPlane } from '@isochrone/test/harness';
import { relayedClient } from './network.ts';

const plane = await withControlPlane({ name: 'kube-clusters', crds: false });

describe('ClusterSet on a real API server', () => {
  test('a member is connected, lost, regained; its watches follow; bad credentials and a bad kubeconfig are told apart', async (t) => {
    const relay = await relayedClient(t, plane);
    const { logger, metrics } = relay;
    const relayed = async (path: string): Promise<string> =>
      (await readFile(path, 'utf8')).replace(plane.server, relay.client.server);
    const good = await relayed(plane.adminKubeconfig);
    const stranger = await relayed(await plane.kubeconfigForToken('stranger', 'x'));
    let kubeconfig = good;
    const set = new ClusterSet({
      connect: (_cluster, _signal, options) => ApiClient.fromKubeconfig({ ...options, text: kubeconfig }),
      logger,
      metrics,
      probeIntervalMilliseconds: 200,
      probeTimeoutMilliseconds: 1_000,
    });
    let synced = 0;
    set.whileConnected('namespaces', async (_cluster, client, signal) => {
      const informer = new Informer({ client, resource: core.namespaces, logger, metrics });
      void informer.synced().then(() => (synced += 1));
      await informer.run(signal);
    });
    const changes: string[] = [];
    set.onChange((_, { connected, reason }) => changes.push(connected ? 'connected' : reason!));
    const stop = new AbortController();
    const running = set.run(stop.signal);
    t.after(async () => {
      stop.abort();
      await running;
    });

    set.add('edge');
    await eventually(() => synced === 1);
    assert.ok(await set.client('edge').find(core.namespaces, { name: 'default' }));
    relay.cut();
    await eventually(() => set.state('edge')!.reason === 'Unreachable');
    assert.throws(() => set.client('edge'), ClusterNotConnectedError);
    relay.mend();
    await eventually(() => synced === 2, { timeout: 20_000 });

    kubeconfig = stranger;
    set.add('edge');
    await eventually(() => set.state('edge')!.reason === 'Unauthorized', { timeout: 20_000 });
    kubeconfig = 'clusters: []';
    set.add('edge');
    await eventually(() => set.state('edge')!.reason === 'Misconfigured', { timeout: 20_000 });
    kubeconfig = good;
    set.add('edge');
    await eventually(() => synced === 3, { timeout: 20_000 });
    const told = changes.filter((change) => change !== 'Connecting');
    assert.deepEqual(told, ['connected', 'Unreachable', 'connected', 'Unauthorized', 'Misconfigured', 'connected']);
  });

  test('a member gets no more requests than the set allows', async (t) => {
    const relay = await relayedClient(t, plane);
    const { logger, metrics } = relay;
    const set = new ClusterSet({
      connect: async (_cluster, _signal, options) =>
        ApiClient.fromKubeconfig({ ...options, path: plane.adminKubeconfig }),
      requestsPerSecond: 10,
      burst: 5,
      logger,
      metrics,
    });
    const stop = new AbortController();
    const running = set.run(stop.signal);
    set.add('edge');
    await eventually(() => set.state('edge')!.connected);
    const client = set.client('edge');
    const started = performance.now();
    await Promise.all(Array.from({ length: 20 }, () => client.get(core.namespaces, { name: 'default' })));
    const seconds = (performance.now() - started) / 1000;
    // Five at once, less the probe; the rest at ten a second.
    assert.ok(seconds > 1.4, `20 requests in ${seconds.toFixed(2)} s`);
    stop.abort();
    await running;
  });
});
