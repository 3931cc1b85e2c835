import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { core } from './core.ts';
import { keyOf, parseKey, refOf } from './object.ts';
import { apiVersionOf, resourcePath } from './resource.ts';

describe('keys', () => {
  test('name or namespace/name, both ways', () => {
    assert.equal(keyOf({ name: 'n' }), 'n');
    assert.equal(keyOf({ metadata: { namespace: 'ns', name: 'n' } }), 'ns/n');
    assert.deepEqual(parseKey('ns/n'), { namespace: 'ns', name: 'n' });
    assert.deepEqual(parseKey('n'), { name: 'n' });
  });
  test('refuses what is no key', () => {
    for (const key of ['', '/', 'a/', '/a', 'a/b/c']) assert.throws(() => parseKey(key), /neither "name" nor/);
    assert.throws(() => refOf({ kind: 'Pod', metadata: {} }), /Pod has no metadata.name/);
  });
});

describe('resourcePath', () => {
  const cases: [string, string][] = [
    [resourcePath(core.pods), '/api/v1/pods'],
    [resourcePath(core.pods, { namespace: 'a' }), '/api/v1/namespaces/a/pods'],
    [resourcePath(core.pods, { namespace: 'a', name: 'b' }, 'status'), '/api/v1/namespaces/a/pods/b/status'],
    [resourcePath(core.nodes, { name: 'b' }, 'proxy/metrics'), '/api/v1/nodes/b/proxy/metrics'],
    [
      resourcePath(core.leases, { namespace: 'a', name: 'x:y' }),
      '/apis/coordination.k8s.io/v1/namespaces/a/leases/x%3Ay',
    ],
    [resourcePath(core.namespaces, { name: '../secrets' }), '/api/v1/namespaces/..%2Fsecrets'],
  ];
  for (const [actual, expected] of cases) test(expected, () => assert.equal(actual, expected));
  test('refuses a missing, superfluous or empty part', () => {
    assert.throws(() => resourcePath(core.pods, { name: 'b' }), /Pod "b" is namespaced; name its namespace/);
    assert.throws(
      () => resourcePath(core.nodes, { namespace: 'a', name: 'b' }),
      /cluster-scoped; remove namespace "a"/,
    );
    assert.throws(() => resourcePath(core.pods, { namespace: 'a', name: '' }), /name is empty/);
    assert.throws(() => resourcePath(core.pods, { namespace: '..', name: 'a' }), /name no object/);
  });
  test('apiVersion', () => {
    assert.equal(apiVersionOf(core.pods), 'v1');
    assert.equal(apiVersionOf(core.leases), 'coordination.k8s.io/v1');
  });
});
