import assert from 'node:assert/strict';
import { test } from 'node:test';
import { placementMessage } from './placement-remedy.ts';
import { makeJob } from './testing/objects.ts';

test('what the job asks for is told with its remedy; what no field of the job can change is not', () => {
  const job = makeJob({ placement: { strategy: 'Balanced', origin: { region: 'mars' } } });
  const rejects = [
    { plugin: 'DataDistance', reason: 'r', count: 1 },
    { plugin: 'NodeReady', reason: 'r', count: 1 },
  ];
  const explanation = { message: '0/2 nodes fit', nodesEvaluated: 2, resolvable: false, rejects, candidates: [] };
  const message = placementMessage(job, explanation);
  assert.match(message, /^0\/2 nodes fit; spec\.placement\.origin\.region is mars: name the region of an EdgeCluster/);
  assert.doesNotMatch(message, /bring the nodes/);
});
