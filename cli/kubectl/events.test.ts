import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Event } from '@isochrone/kube';
import { renderView } from '../view.ts';
import { eventRows, eventScope, eventView } from './events.ts';

const now = Date.parse('2026-11-24T00:10:00Z');

function event(name: string, kind: string, object: string, namespace: string, more: Partial<Event> = {}): Event {
  return {
    metadata: { name, namespace },
    ...{ eventTime: '2026-11-24T00:05:00Z', type: 'Normal', reason: 'R', action: 'A', note: 'n' },
    ...{ reportingController: 'isochrone-operator', reportingInstance: 'i' },
    regarding: { apiVersion: 'isochrone.dev/v1alpha1', kind, name: object, namespace },
    ...more,
  };
}

const events = [
  event('late', 'InferenceJob', 'read', 'vision', { eventTime: '2026-11-24T00:09:52Z', type: 'Warning' }),
  event('early', 'InferenceJob', 'read', 'vision'),
  event('other', 'InferenceJob', 'other', 'vision'),
  event('node', 'InferenceNode', 'read', 'edge-berlin'),
  event('task', 'InferenceTask', 't', 'edge-berlin'),
  event('cluster', 'EdgeCluster', 'berlin', 'default'),
  event('foreign', 'Pod', 'read', 'vision', { regarding: { apiVersion: 'v1', kind: 'Pod', name: 'read' } }),
];

const namesOf = (target?: string, namespace?: string): string[] => {
  const scope = eventScope(target, namespace);
  // The server leaves out what is in other namespaces.
  const there = events.filter(
    ({ metadata }) => scope.namespace === undefined || metadata.namespace === scope.namespace,
  );
  return eventRows(there, scope).map(({ name }) => name);
};

test('a target decides whose events, and where they are', () => {
  const table: [target: string | undefined, namespace: string | undefined, names: string[]][] = [
    [undefined, 'vision', ['early', 'other', 'late']],
    [undefined, undefined, ['cluster', 'early', 'node', 'other', 'task', 'late']],
    ['job/read', 'vision', ['early', 'late']],
    ['read', 'vision', ['early', 'late']],
    ['job/read', 'default', []],
    ['node/read', 'vision', ['node']],
    ['node/berlin/read', 'vision', ['node']],
    ['node/paris/read', 'vision', []],
    ['edge/berlin', 'vision', ['cluster', 'node', 'task']],
    ['edge/paris', 'vision', []],
    ['edgecluster.isochrone.dev/berlin', 'vision', ['cluster', 'node', 'task']],
  ];
  for (const [target, namespace, names] of table)
    assert.deepEqual(namesOf(target, namespace), names, target ?? namespace);
});

test('what is no target is refused', () => {
  for (const target of ['pod/x', 'edge/X y', 'node/a/b/c', ''])
    assert.throws(() => eventScope(target, 'vision'), { code: 'USAGE' }, target);
});

test('rows tell when it was seen last, and how often', () => {
  const series = { count: 3, lastObservedTime: '2026-11-24T00:09:00Z' };
  const rows = eventRows([event('e', 'InferenceJob', 'read', 'vision', { series })], eventScope('read', 'vision'));
  assert.equal(
    renderView(eventView, rows, undefined, { now }),
    'LAST SEEN   TYPE     REASON   OBJECT              MESSAGE\n1m (x3)     Normal   R        InferenceJob/read   n\n',
  );
  assert.match(
    renderView(eventView, rows, 'wide', { now }),
    /^NAMESPACE .* FROM +MESSAGE\nvision .* isochrone-operator +n\n$/,
  );
  assert.equal(renderView(eventView, rows, 'name', { now }), 'event.events.k8s.io/e\n');
});
