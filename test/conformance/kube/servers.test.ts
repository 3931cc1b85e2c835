import assert from 'node:assert/strict';
import { cp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { core } from '@isochrone/kube';
import { compact, eventually, withControlPlane } from '@isochrone/test/harness';
import { converges, follow, namespace, put, stored } from './config-maps.ts';
import { adminClient, counted, proxiedClient, relayedClient, type Observed } from './network.ts';

// Newer ones keep the versions of pages in memory, where no compaction reaches them for a minute.
const plane = await withControlPlane({ name: 'kube-servers', crds: false, emulatedVersion: '1.33' });

const told = ({ logger }: Observed, message: RegExp): boolean =>
  logger.lines.some((line) => line.level !== 'debug' && message.test(line.message));

describe('what becomes of servers is survived, and told', { timeout: 60_000 }, () => {
  test('etcd is compacted between two pages: a real 410, and the list begins again', async (t) => {
    const client = await adminClient(t, plane);
    const writes = Array.from({ length: 501 }, (_, index) => put(client, 'pages', `n${index}`, '1'));
    await Promise.all(writes);
    const observed = await proxiedClient(t, plane);
    let pages = 0;
    let compacting: Promise<void> | undefined;
    observed.proxy.fault = ({ url, method }, response) => {
      if (method !== 'GET' || !url!.includes('limit=500') || pages++ !== 1) return false;
      // The second page is asked for when its version is gone. A connection that ends is asked again.
      compacting = (async () => {
        await put(client, 'pages', 'n0', '2');
        const { metadata } = await client.list(core.configMaps, { namespace, limit: 1 });
        await compact(plane, metadata.resourceVersion!);
      })().finally(() => response.destroy());
      return true;
    };
    const { informer, replica } = follow(t, observed, 'pages', { firstSync: 'pages' });
    await informer.synced();
    await compacting;
    await converges(client, 'pages', replica);
    assert.equal(replica.size, 501);
    assert.equal(await counted(observed, 'reflector_watch_restarts_total', { reason: 'gone' }), 1);
    assert.ok(told(observed, /^the server has forgotten our version/));
  });

  test('the server is restored from an older backup: what was lost is deleted, what is written again is seen', async (t) => {
    const data = join(plane.directory, 'etcd');
    const client = await adminClient(t, plane);
    await put(client, 'restored', 'stays', 'old');
    await plane.kill9('etcd');
    await cp(data, `${data}-backup`, { recursive: true });
    await plane.start('etcd');

    const observed = await relayedClient(t, plane);
    const { informer, replica } = follow(t, observed, 'restored', { relistMilliseconds: 0 });
    await informer.synced();
    await put(client, 'restored', 'stays', 'lost');
    for (let index = 0; index < 100; index++) await put(client, 'restored', `lost${index}`, '1');
    await converges(client, 'restored', replica);
    await plane.stopApiServer();
    await plane.kill9('etcd');
    await rm(data, { recursive: true });
    await rename(`${data}-backup`, data);
    await plane.start('etcd');
    await plane.startApiServer();
    await converges(client, 'restored', replica);
    await put(client, 'restored', 'stays', 'new');
    await converges(client, 'restored', replica);
    assert.deepEqual(Object.keys(await stored(client, 'restored')), [`${namespace}/restored-stays`]);
    assert.equal(await counted(observed, 'reflector_watch_restarts_total', { reason: 'rewound' }), 1);
    assert.ok(told(observed, /^the server is older than what it told us/));
  });

  test('etcd hangs: writes fail, nothing is invented, and the watch goes on when it is back', async (t) => {
    const client = await adminClient(t, plane);
    await put(client, 'hangs', 'a', '1');
    const observed = await relayedClient(t, plane);
    const { informer, replica } = follow(t, observed, 'hangs', { inactivityMilliseconds: 1_000 });
    await informer.synced();
    const before = await counted(observed, 'rest_client_requests_total');
    plane.signal('etcd', 'SIGSTOP');
    t.after(() => plane.signal('etcd', 'SIGCONT'));
    await eventually(
      async () => (await counted(observed, 'reflector_watch_restarts_total', { reason: 'inactive' })) > 0,
    );
    assert.equal(replica.size, 1);
    plane.signal('etcd', 'SIGCONT');
    await put(client, 'hangs', 'a', '2');
    await converges(client, 'hangs', replica);
    assert.ok(told(observed, /^watch was silent for too long/));
    assert.ok((await counted(observed, 'rest_client_requests_total')) - before <= 20);
  });
});
