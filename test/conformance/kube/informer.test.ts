import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import {
  type ApiClient,
  Controller,
  core,
  done,
  Informer,
  type ConfigMap,
  type InformerOptions,
} from '@isochrone/kube';
import { eventually, withControlPlane } from '@isochrone/test/harness';
import { adminClient, counted, relayedClient, type Observed } from './network.ts';

const namespace = 'default';

function start(
  t: TestContext,
  relay: Observed,
  name: string,
  options: Partial<InformerOptions<ConfigMap, string>> = {},
) {
  const { client, logger, metrics } = relay;
  const informer = new Informer<ConfigMap, string>({
    client,
    resource: core.configMaps,
    namespace,
    labelSelector: `test=${name}`,
    project: (object) => object.data?.['value'] ?? '',
    logger,
    metrics,
    ...options,
  });
  const replica = new Map<string, string>();
  informer.onChange((change) => {
    if (change.type === 'Deleted') replica.delete(change.key);
    else replica.set(change.key, change.current);
  });
  const stop = new AbortController();
  const running = informer.run(stop.signal);
  t.after(async () => {
    stop.abort();
    await running;
  });
  return { informer, replica };
}

const plane = await withControlPlane({ name: 'kube-informer', crds: false });

describe('Informer on a real API server', () => {
  const admin = (t: TestContext): Promise<ApiClient> => adminClient(t, plane);
  const put = (client: ApiClient, test: string, name: string, value: string): Promise<ConfigMap> =>
    client.apply(core.configMaps, {
      metadata: { namespace, name: `${test}-${name}`, labels: { test } },
      data: { value },
    });
  const stored = async (client: ApiClient, test: string): Promise<Record<string, string>> => {
    const list = await client.list(core.configMaps, { namespace, labelSelector: `test=${test}` });
    return Object.fromEntries(
      list.items.map((one) => [`${namespace}/${one.metadata.name!}`, one.data?.['value'] ?? '']),
    );
  };
  const converges = async (client: ApiClient, test: string, replica: ReadonlyMap<string, string>): Promise<void> => {
    const expected = await stored(client, test);
    await eventually(() => (assert.deepEqual(Object.fromEntries([...replica].sort()), expected), true), {
      timeout: 20_000,
    });
  };
  for (const firstSync of ['watch-list', 'pages'] as const) {
    test(`first sync by ${firstSync}, then changes`, async (t) => {
      const client = await admin(t);
      await put(client, firstSync, 'a', '1');
      const relay = await relayedClient(t, plane);
      const run = start(t, relay, firstSync, { firstSync });
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
    const run = start(t, relay, 'cut');
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
    const run = start(t, relay, 'restart');
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
    for (let index = 0; index < written; index++)
      assert.ok(seen.has(`${namespace}/restart-n${index}`), `n${index} was lost`);
  });

  test('410 after the history is gone: a full sync finds what was deleted, changed and made meanwhile', async (t) => {
    const client = await admin(t);
    const relay = await relayedClient(t, plane);
    for (const name of ['goes', 'stays', 'changes']) await put(client, 'gone', name, '1');
    const run = start(t, relay, 'gone');
    await run.informer.synced();
    relay.cut();
    await client.delete(core.configMaps, { namespace, name: 'gone-goes' });
    await put(client, 'gone', 'changes', '2');
    await put(client, 'gone', 'comes', '1');
    // A restarted server has no history before its start, as after a compaction.
    await plane.restartApiServer();
    relay.mend();
    await converges(client, 'gone', run.replica);
    assert.ok((await counted(relay, 'reflector_watch_restarts_total', { reason: 'gone' })) >= 1, 'it was not a 410');
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
    const run = start(t, relay, 'silent', { inactivityMilliseconds: 3_000 });
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
    const run = start(t, relay, 'rights');
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
