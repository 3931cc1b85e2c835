import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearest } from './nearest.ts';

test('finds what was probably meant, and nothing when nothing is near', () => {
  const known = ['metricsAddress', 'logLevel', 'kubeconfig'];
  for (const [name, expected] of [
    ['metric-address', 'metricsAddress'],
    ['METRICS_ADDRESS', 'metricsAddress'],
    ['logLevle', 'logLevel'],
    ['kubecfg', undefined],
    ['x', undefined],
  ] as const) {
    assert.equal(nearest(name, known), expected, name);
  }
});
