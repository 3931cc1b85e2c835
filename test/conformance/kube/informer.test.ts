import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { type ApiClient, Controller, core, done, Informer, type ConfigMap } from '@isochrone/kube';
import { compact, eventually, withControlPlane } from '@isochrone/test/harness';
import { converges, follow, namespace, put, stored } from './config-maps.ts';
import { adminClient, counted, relayedClient } from './network.ts';

const plane = await withControlPlane({ name: 'kube-informer', crds: false });

describe('Informer on a real API server', () => {
  const admin = (t: TestContext): Promise<ApiClient> => adminClient(t, plane);

  for (const firstSync of ['watch-list', 'pages'] as const) {
    test(`first sync by ${firstSync}, then changes`, async (t) => {
      const client = await admin(t);
      await put(client, firstSync, 'a', '1');
      const relay = await relayedClient(t, plane);
      const run = follow(t, relay, firstSync, { firstSync });
      await run.informer.synced();
      assert.deepEqual(Object.fromEntries(run.replica), await stored(client, firstSync));
      await put(client, firstSync, 'a', '2');
      await put(client, firstSync, 'b', '1');
      await client.delete(core.configMaps, { namespace, name: `${firstSync}-a` });
      await converges(client, firstSync, run.replica);
      assert.equal(await counted(relay, 'reflector_lists_total', { mode: firstSync }), 1);
    });
  }

  test('cut connections: the watch resumes, no change is lost, and nothing is listed again', async (t) => {
    const client = await admin(t);
    const relay = await relayedClient(t, plane);
    const run = follow(t, relay, 'cut');
    await run.informer.synced();
    for (let round = 0; round < 5; round++) {
      await put(client, 'cut', `n${round}`, 'before');
      relay.reset();
      await put(client, 'cut', `n${round}`, 'after');
      if (round > 0) await client.delete(core.configMaps, { namespace, name: `cut-n${round - 1}` });
    }
    await converges(client, 'cut', run.replica);
    assert.equal(await counted(relay, 'reflector_lists_total', { mode: 'watch-list' }), 1);
    assert.ok((await counted(relay, 'reflector_watch_restarts_total', { reason: 'error' })) >= 1);
  });

  test('the API server restarts in the middle of a stream of changes; none is lost', async (t) => {
    const client = await admin(t);
    const relay = await relayedClient(t, plane);
    const run = follow(t, relay, 'restart');
    await run.informer.synced();
    const seen = new Set<string>();
    run.informer.onChange((change) => seen.add(change.key));
    let written = 0;
    let stopWriting = false;
    const writing = (async () => {
      while (!stopWriting) {
        try {
          await put(client, 'restart', `n${written}`, String(written));
          written += 1;
        } catch (error) {
          // Refused while the server is down; the same one is written again.
          assert.ok(error instanceof Error);
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      }
    })();
    await eventually(() => written > 20);
    await plane.restartApiServer();
    const atRestart = written;
    await eventually(() => written > atRestart + 20);
    stopWriting = true;
    await writing;
    await converges(client, 'restart', run.replica);
    assert.ok((await counted(relay, 'reflector_watch_restarts_total')) >= 1);
    assert.ok(relay.logger.lines.some(({ level, message }) => level === 'warn' && message.startsWith('watch failed')));
    for (let index = 0; index < written; index++)
      assert.ok(seen.has(`${namespace}/restart-n${index}`), `n${index} was lost`);
  });

  test('410 after the history is gone: a full sync finds what was deleted, changed and made meanwhile', async (t) => {
    const client = await admin(t);
    const relay = await relayedClient(t, plane);
    for (const name of ['goes', 'stays', 'changes']) await put(client, 'gone', name, '1');
    const run = follow(t, relay, 'gone');
    await run.informer.synced();
    relay.cut();
    await client.delete(core.configMaps, { namespace, name: 'gone-goes' });
    await put(client, 'gone', 'changes', '2');
    await put(client, 'gone', 'comes', '1');
    // The server remembers what etcd has forgotten, until it restarts.
    await compact(plane, (await client.list(core.configMaps, { namespace, limit: 1 })).metadata.resourceVersion!);
    await plane.restartApiServer();
    relay.mend();
    await converges(client, 'gone', run.replica);
    assert.ok((await counted(relay, 'reflector_watch_restarts_total', { reason: 'gone' })) >= 1, 'it was not a 410');
    assert.ok(relay.logger.lines.some(({ message }) => message.startsWith('the server has forgotten our version')));
    assert.equal(await counted(relay, 'reflector_lists_total', { mode: 'watch-list' }), 2);
  });

  test('an idle watch gets bookmarks', async (t) => {
    const client = await admin(t);
    const { signal } = new AbortController();
    const types: string[] = [];
    // The server sends one before it ends a watch; those in between come once a minute.
    const options = { namespace, labelSelector: 'test=nothing', timeoutSeconds: 5, signal };
    for await (const batch of client.watch(core.configMaps, options)) types.push(...batch.map(({ type }) => type));
    assert.deepEqual([...new Set(types)], ['BOOKMARK']);
  });

  test('a connection that goes silent is given up, and the watch resumes on another', async (t) => {
    const client = await admin(t);
    const relay = await relayedClient(t, plane);
    const run = follow(t, relay, 'silent', { inactivityMilliseconds: 3_000 });
    await run.informer.synced();
    relay.stall();
    await put(client, 'silent', 'a', '1');
    await converges(client, 'silent', run.replica);
    assert.ok((await counted(relay, 'reflector_watch_restarts_total', { reason: 'inactive' })) >= 1);
    assert.equal(await counted(relay, 'reflector_lists_total', { mode: 'watch-list' }), 1);
  });

  test('missing rights are said and metered; once granted, the informer syncs', async (t) => {
    const client = await admin(t);
    const relay = await relayedClient(t, plane, await plane.kubeconfigFor('late'));
    const run = follow(t, relay, 'rights');
    const warning = await eventually(() => relay.logger.lines.find((line) => line.level === 'warn'));
    assert.match((warning.fields['err'] as Error).message, /User "late" cannot watch resource "configmaps"/);
    assert.ok((await counted(relay, 'rest_client_requests_total', { code: '403' })) >= 1);
    await client.create(core.clusterRoles, {
      metadata: { name: 'watches-config-maps' },
      rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['list', 'watch'] }],
    });
    await client.create(core.clusterRoleBindings, {
      metadata: { name: 'late-views' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'watches-config-maps' },
      subjects: [{ kind: 'User', name: 'late', apiGroup: 'rbac.authorization.k8s.io' }],
    });
    await eventually(() => run.informer.hasSynced, { timeout: 20_000 });
  });

  test('a controller brings every object to its wish, through conflicts and a cut', async (t) => {
    const client = await admin(t);
    const relay = await relayedClient(t, plane);
    for (let index = 0; index < 30; index++) await put(client, 'wish', `n${index}`, 'wanted');
    const stop = new AbortController();
    const { logger, metrics } = relay;
    const informer = new Informer<ConfigMap>({
      client: relay.client,
      resource: core.configMaps,
      namespace,
      labelSelector: 'test=wish',
      logger,
      metrics,
    });
    const controller = new Controller({
      name: 'wish',
      concurrency: 8,
      logger,
      metrics,
      reconcile: async (key) => {
        const object = informer.get(key);
        if (object?.data?.['value'] !== 'wanted') return done;
        await relay.client.replace(core.configMaps, { ...object, data: { value: 'granted' } });
        return done;
      },
    }).watches(informer);
    const running = Promise.all([informer.run(stop.signal), controller.run(stop.signal)]);
    await eventually(async () => Object.values(await stored(client, 'wish')).includes('granted'));
    relay.reset();
    for (let index = 0; index < 10; index++) await put(client, 'wish', `late${index}`, 'wanted');
    await eventually(async () => Object.values(await stored(client, 'wish')).every((value) => value === 'granted'), {
      timeout: 20_000,
    });
    stop.abort();
    await running;
  });
});
