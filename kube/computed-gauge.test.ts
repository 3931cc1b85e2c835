import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Registry } from 'prom-client';
import { Instruments } from './instruments.ts';

test('a computed gauge tells what its sources say now, the largest of each series, and nothing without a source', async () => {
  const registry = new Registry();
  const gauge = new Instruments(registry).computed('age_seconds', 'Age', ['name']);
  const values = async () => (await gauge.get()).values.map(({ labels, value }) => [labels.name, value]);
  let age = 1;
  const stops = [
    gauge.observe(() => [{ labels: { name: 'a' }, value: age }]),
    gauge.observe(() => [
      { labels: { name: 'a' }, value: 2 },
      { labels: { name: 'b' }, value: 3 },
    ]),
  ];
  await registry.metrics();
  assert.deepEqual(await values(), [
    ['a', 2],
    ['b', 3],
  ]);
  age = 5;
  assert.deepEqual((await values())[0], ['a', 5]);
  for (const stop of stops) stop();
  assert.deepEqual(await values(), []);
});

test('an instrument that is there already is given again', () => {
  const registry = new Registry();
  const [first, second] = [1, 2].map(() => new Instruments(registry).counter('calls_total', 'Calls'));
  assert.equal(first, second);
});
