import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InferenceJob } from '@isochrone/api';
import { renderView } from '../view.ts';
import { fleet, now } from './fleet.fixture.ts';
import { clusterLoad, clusterLoadView, jobLoad, jobLoadView, nodeLoad, nodeLoadView } from './top.ts';

test('nodes: what runs there takes slots and memory', () => {
  assert.equal(
    renderView(nodeLoadView, nodeLoad(fleet, now), undefined, { now }),
    [
      'CLUSTER   NODE   READY   SLOTS   SLOTS%   MEMORY   MEMORY%   RECORDS/S',
      'berlin    b-1    True    0/1     0%       0.0Gi    0%        0.0',
      'berlin    b-2    True    2/2     100%     4.0Gi    25%       2.0',
      'paris     p-1    False   0/1     0%       0.0Gi    0%        0.0',
      '',
    ].join('\n'),
  );
});

test('clusters: sums over their nodes; those that are not Ready offer nothing', () => {
  assert.equal(
    renderView(clusterLoadView, clusterLoad(fleet, now), undefined, { now }),
    [
      'CLUSTER   NODES   READY   SLOTS   SLOTS%   MEMORY   MEMORY%   RECORDS/S',
      'berlin    2/2     True    2/3     67%      4.0Gi    17%       2.0',
      'paris     0/1     False   0/0     -        0.0Gi    -         0.0',
      '',
    ].join('\n'),
  );
});

function job(uid: string, status?: object): InferenceJob {
  return { metadata: { name: `j-${uid}`, namespace: 'vision', uid }, ...(status && { status }) } as InferenceJob;
}

test('jobs that are not over, the busiest first', () => {
  const started = {
    ...{ phase: 'Running', progress: '1/3', shards: { running: 2, verifying: 1 }, cost: { total: '0.05' } },
    startTime: '2026-11-24T00:50:00Z',
  };
  const jobs = [
    job('b'),
    job('a'),
    job('job', started),
    job('done', { phase: 'Complete' }),
    job('x', { phase: 'Failed' }),
  ];
  assert.equal(
    renderView(jobLoadView, jobLoad({ jobs, tasks: fleet.tasks }, now), undefined, { now }),
    [
      'NAMESPACE   JOB     PHASE     COMPLETE   RUNNING   VERIFYING   TASKS   RECORDS/S   COST   RUNS FOR',
      'vision      j-job   Running   1/3        2         1           2       2.0         0.05   10m',
      'vision      j-a     Pending              0         0           0       0.0         0.00',
      'vision      j-b     Pending              0         0           0       0.0         0.00',
      '',
    ].join('\n'),
  );
  assert.equal(
    renderView(jobLoadView, jobLoad({ jobs: [job('a')], tasks: [] }, now), 'name', { now }),
    'inferencejob.isochrone.dev/j-a\n',
  );
});
