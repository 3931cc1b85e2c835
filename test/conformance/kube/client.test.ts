import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { addFinalizer, ApiClient, ApiError, core, removeFinalizer } from '@isochrone/kube';
import { withControlPlane } from '@isochrone/test/harness';
import { adminClient, relayedClient } from './network.ts';

const namespace = 'default';

async function refusal(attempt: Promise<unknown>): Promise<ApiError> {
  return attempt.then(
    () => assert.fail('it was not refused'),
    (error: unknown) => {
      assert.ok(error instanceof ApiError, String(error));
      return error;
    },
  );
}

const plane = await withControlPlane({ name: 'kube-client', crds: false });

describe('ApiClient on a real API server', () => {
  const admin = (t: TestContext): Promise<ApiClient> => adminClient(t, plane);

  test('create, read, replace, patch, delete; and how each refusal looks', async (t) => {
    const client = await admin(t);
    const ref = { namespace, name: 'crud' };
    const created = await client.create(core.configMaps, { metadata: ref, data: { a: '1' } });
    assert.ok((await refusal(client.create(core.configMaps, { metadata: ref }))).isAlreadyExists);
    const replaced = await client.replace(core.configMaps, { ...created, data: { a: '2' } });
    const stale = await refusal(client.replace(core.configMaps, { ...created, data: { a: '3' } }));
    assert.ok(stale.isConflict && !stale.isAlreadyExists, stale.message);
    const patched = await client.mergePatch(core.configMaps, ref, { data: { a: null, b: '1' } });
    assert.deepEqual(patched.data, { b: '1' });
    const { resourceVersion } = replaced.metadata;
    assert.ok(
      (await refusal(client.mergePatch(core.configMaps, ref, { metadata: { resourceVersion: resourceVersion! } })))
        .isConflict,
    );
    const json = await client.jsonPatch(core.configMaps, ref, [{ op: 'replace', path: '/data/b', value: '2' }]);
    assert.deepEqual(json.data, { b: '2' });
    await client.mergePatch(core.configMaps, ref, { data: { b: '3' } }, { dryRun: true });
    assert.deepEqual((await client.get(core.configMaps, ref)).data, { b: '2' });
    const unknown = { metadata: { namespace, name: 'odd' }, dato: {} };
    assert.ok((await refusal(client.create(core.configMaps, unknown))).isInvalid, 'unknown fields are refused');
    assert.equal(await client.delete(core.configMaps, ref), true);
    assert.equal(await client.delete(core.configMaps, ref), false);
    assert.equal(await client.find(core.configMaps, ref), undefined);
  });

  test('delete preconditions protect a namesake', async (t) => {
    const client = await admin(t);
    const ref = { namespace, name: 'again' };
    const first = await client.create(core.configMaps, { metadata: ref });
    await client.delete(core.configMaps, ref, { uid: first.metadata.uid! });
    const second = await client.create(core.configMaps, { metadata: ref });
    assert.ok((await refusal(client.delete(core.configMaps, ref, { uid: first.metadata.uid! }))).isConflict);
    await client.mergePatch(core.configMaps, ref, { data: { a: '1' } });
    const { resourceVersion } = second.metadata;
    assert.ok((await refusal(client.delete(core.configMaps, ref, { resourceVersion: resourceVersion! }))).isConflict);
    assert.equal(await client.delete(core.configMaps, ref, { uid: second.metadata.uid! }), true);
  });

  test('server-side apply: owners conflict, force takes over, what an owner leaves out goes', async (t) => {
    const client = await admin(t);
    const metadata = { namespace, name: 'applied' };
    await client.apply(core.configMaps, { metadata, data: { a: '1', b: '1' } }, { fieldManager: 'first' });
    const conflict = await refusal(
      client.apply(core.configMaps, { metadata, data: { a: '2' } }, { fieldManager: 'second' }),
    );
    assert.ok(conflict.isConflict);
    assert.match(conflict.message, /first/);
    await client.apply(core.configMaps, { metadata, data: { a: '2' } }, { fieldManager: 'second', force: true });
    const left = await client.apply(core.configMaps, { metadata, data: {} }, { fieldManager: 'first' });
    assert.deepEqual(left.data, { a: '2' });
  });

  test('finalizers hold a deleted object until the last one is removed; a stale copy conflicts', async (t) => {
    const client = await admin(t);
    const ref = { namespace, name: 'held' };
    const plain = await client.create(core.configMaps, { metadata: ref });
    const one = await addFinalizer(client, core.configMaps, plain, 'isochrone.dev/one');
    assert.ok((await refusal(addFinalizer(client, core.configMaps, plain, 'isochrone.dev/two'))).isConflict);
    await client.delete(core.configMaps, ref);
    const terminating = await client.get(core.configMaps, ref);
    assert.ok(terminating.metadata.deletionTimestamp);
    assert.ok((await refusal(removeFinalizer(client, core.configMaps, one, 'isochrone.dev/one'))).isConflict);
    await removeFinalizer(client, core.configMaps, terminating, 'isochrone.dev/one');
    assert.equal(await client.find(core.configMaps, ref), undefined);
    assert.equal(await removeFinalizer(client, core.configMaps, terminating, 'isochrone.dev/one'), undefined);
  });

  test('lists in pages, by selector', async (t) => {
    const client = await admin(t);
    for (let index = 0; index < 7; index++) {
      const metadata = { namespace, name: `page-${index}`, labels: { odd: String(index % 2) } };
      await client.create(core.configMaps, { metadata });
    }
    const names: string[] = [];
    for await (const object of client.listAll(core.configMaps, { namespace, labelSelector: 'odd=1', limit: 2 })) {
      names.push(object.metadata.name!);
    }
    assert.deepEqual(names, ['page-1', 'page-3', 'page-5']);
  });

  test('50 requests after one another, and 50 at once, use at most 16 connections', async (t) => {
    const relay = await relayedClient(t, plane);
    for (let index = 0; index < 50; index++) await relay.client.list(core.namespaces);
    assert.ok(relay.connections() <= 2, `${relay.connections()} connections for requests after one another`);
    await Promise.all(Array.from({ length: 50 }, () => relay.client.list(core.namespaces)));
    assert.ok(relay.connections() <= 16, `${relay.connections()} connections`);
  });

  test('a user without rights is told so', async (t) => {
    const { client } = await relayedClient(t, plane, await plane.kubeconfigFor('nobody'));
    const error = await refusal(client.list(core.secrets, { namespace }));
    assert.ok(error.isForbidden);
    assert.match(error.message, /User "nobody" cannot list resource "secrets"/);
  });

  test('in a Pod: ServiceAccount mount and environment', async (t) => {
    const client = await admin(t);
    const account = { namespace, name: 'mounted' };
    await client.create(core.serviceAccounts, { metadata: account });
    const answer = await client.createSubresource<{ status: { token: string } }>(
      core.serviceAccounts,
      account,
      'token',
      {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: { expirationSeconds: 600 },
      },
    );
    await writeFile(join(plane.directory, 'token'), answer.status.token);
    await writeFile(join(plane.directory, 'ca.crt'), plane.ca);
    const { hostname, port } = new URL(plane.server);
    const environment = { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port };
    const inside = await ApiClient.inCluster({ directory: plane.directory, environment });
    t.after(() => inside.close());
    const review = await inside.request<{ status: { userInfo: { username: string } } }>({
      method: 'POST',
      path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
      body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
    });
    assert.equal(review.status.userInfo.username, 'system:serviceaccount:default:mounted');
  });
});
