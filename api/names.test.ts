import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clusterOfNamespace, edgeNamespace } from './names.ts';

test('only namespaces of members have a cluster', () => {
  assert.equal(clusterOfNamespace(edgeNamespace('frankfurt')), 'frankfurt');
  assert.equal(clusterOfNamespace('edge-frankfurt'), 'frankfurt');
  assert.equal(clusterOfNamespace('edge-'), undefined);
  assert.equal(clusterOfNamespace('vision'), undefined);
  assert.equal(clusterOfNamespace(undefined), undefined);
});
