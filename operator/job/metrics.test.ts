import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { taskFailures, type InferenceJobStatus } from '@isochrone/api';
import { Registry } from 'prom-client';
import type { Attempt } from './attempts.ts';
import { faultClass, verdictOf } from './fault-class.ts';
import { jobEnd, openHolds, shardSamples, waitingSamples } from './job-samples.ts';
import { JobMetrics } from './metrics.ts';
import { observeJobs } from './observe-jobs.ts';
import { makeJob } from './testing/objects.ts';

function attempt(fields: Partial<Attempt> = {}): Attempt {
  const shards = [1, 2].map((index) => ({ index, records: 8, amount: 250_000n, output: undefined }));
  return {
    ...{ attempt: 1, purpose: 'Work', verifies: undefined, state: 'Held', reason: undefined, charged: false },
    ...{ cluster: 'alpha', node: 'alpha-1', provider: 'p', heldAt: 1000, settledAt: undefined },
    ...{ shards, records: 16, amount: 500_000n },
    ...fields,
  };
}

const released = attempt({ state: 'Released', settledAt: 5000 });
const refunded = (reason: string, fields: Partial<Attempt> = {}): Attempt =>
  attempt({ state: 'Refunded', settledAt: 5000, reason, ...fields });

async function exposition(act: (metrics: JobMetrics) => void): Promise<string> {
  const registry = new Registry();
  act(new JobMetrics(registry));
  return registry.metrics();
}

describe('what the job controller counts', () => {
  const cases: [name: string, act: (metrics: JobMetrics) => void, lines: readonly string[]][] = [
    [
      'a hold, and at once the series of its cluster at 0',
      (metrics) => metrics.held(attempt()),
      [
        'isochrone_holds_total{purpose="Work"} 1',
        'isochrone_held_amount_total{purpose="Work"} 0.5',
        'isochrone_shard_retries_total{cluster="alpha",class="Availability"} 0',
        'isochrone_verification_windows_total{cluster="alpha",verdict="fail"} 0',
        'isochrone_node_quarantines_total{cluster="alpha"} 0',
      ],
    ],
    [
      'work that is paid',
      (metrics) => metrics.settled(released, 4),
      [
        'isochrone_settlements_total{purpose="Work",result="released"} 1',
        'isochrone_settled_amount_total{purpose="Work",result="released"} 0.5',
        'isochrone_settled_records_total{cluster="alpha",purpose="Work",result="released"} 16',
        'isochrone_shards_total{result="complete"} 2',
        'isochrone_shard_duration_seconds_count 2',
        'isochrone_shard_duration_seconds_sum 8',
        'isochrone_verification_windows_total{cluster="alpha",verdict="pass"} 1',
        'isochrone_verification_sampled_records_total 4',
      ],
    ],
    [
      'a fraud that forfeits',
      (metrics) => metrics.settled(refunded('VerificationFailed'), 4),
      [
        'isochrone_refunds_total{purpose="Work",reason="VerificationFailed"} 1',
        'isochrone_forfeited_amount_total 0.5',
        'isochrone_shards_total{result="rerun"} 2',
        'isochrone_shard_retries_total{cluster="alpha",class="Verification"} 2',
        'isochrone_verification_windows_total{cluster="alpha",verdict="fail"} 1',
      ],
    ],
    [
      'a node that went away',
      (metrics) => metrics.settled(refunded('ClusterUnreachable'), 4),
      [
        'isochrone_shard_retries_total{cluster="alpha",class="Availability"} 2',
        'isochrone_verification_sampled_records_total 0',
        'isochrone_forfeited_amount_total 0',
      ],
    ],
    [
      'a re-execution that is paid is no shard',
      (metrics) => metrics.settled({ ...released, purpose: 'Verification', verifies: 1 }, 16),
      [
        'isochrone_settled_records_total{cluster="alpha",purpose="Verification",result="released"} 16',
        'isochrone_shards_total{result="complete"} 0',
        'isochrone_verification_sampled_records_total 0',
      ],
    ],
    [
      'an attempt that took twice what was predicted',
      (metrics) => metrics.delivered(20_000, 10_000),
      [
        'isochrone_task_duration_seconds_sum 20',
        'isochrone_task_predicted_duration_seconds_sum 10',
        'isochrone_task_duration_ratio_sum 2',
      ],
    ],
    [
      'nothing of an attempt that nobody predicted',
      (metrics) => metrics.delivered(20_000, 0),
      ['isochrone_task_duration_ratio_count 0'],
    ],
    [
      'a job that ended late',
      (metrics) => metrics.ended({ result: 'failed', reason: 'DeadlineExceeded', deadline: 'missed', seconds: 3 }),
      [
        'isochrone_jobs_finished_total{result="failed",reason="DeadlineExceeded"} 1',
        'isochrone_job_deadlines_total{result="missed"} 1',
        'isochrone_job_duration_seconds_sum{result="failed"} 3',
      ],
    ],
    [
      'the fleet of jobs at a scrape',
      (metrics) => {
        const job = makeJob({}, { phase: 'Running', shards: { total: 5, pending: 2, running: 1, verifying: 2 } });
        observeJobs(metrics, { jobs: () => [job], attempts: () => [attempt(), released] });
      },
      [
        'isochrone_jobs{phase="Running"} 1',
        'isochrone_shards{state="verifying"} 2',
        'isochrone_open_holds{purpose="Work"} 1',
        'isochrone_open_holds_amount{purpose="Work"} 0.5',
        'isochrone_jobs_waiting{condition="Placed",reason="NoNodeFits"} 0',
      ],
    ],
  ];
  for (const [name, act, lines] of cases) {
    test(name, async () => {
      const text = await exposition(act);
      for (const line of lines) assert.ok(text.includes(`${line}\n`), `${line}\n${text}`);
    });
  }

  test('a standby that led before tells of no job any more', async () => {
    const registry = new Registry();
    const end = observeJobs(new JobMetrics(registry), { jobs: () => [makeJob()], attempts: () => [] });
    assert.match(await registry.metrics(), /isochrone_jobs\{/);
    end();
    assert.doesNotMatch(await registry.metrics(), /isochrone_(jobs|shards|open_holds)\{/);
  });
});

test('every reason that an edge may give has the class of its table', () => {
  for (const [fault, reasons] of Object.entries(taskFailures))
    for (const reason of reasons) assert.equal(faultClass(reason), fault);
  assert.equal(faultClass('NodeNotReady'), 'Availability');
  assert.equal(faultClass('OpeningsMissing'), 'Verification');
  assert.equal(verdictOf({ state: 'Refunded', reason: 'VerificationInconclusive' }), 'inconclusive');
  assert.equal(verdictOf({ state: 'Refunded', reason: 'TaskTimeout' }), undefined);
});

describe('the end of a job', () => {
  const startTime = '2026-01-01T00:00:00Z';
  const ending = (type: string, reason: string): InferenceJobStatus => ({
    ...{ phase: type as 'Complete' | 'Failed', startTime, completionTime: '2026-01-01T00:01:00Z' },
    conditions: [{ type, status: 'True', reason, message: '', lastTransitionTime: startTime }],
  });
  for (const [name, deadline, status, expected] of [
    ['without a deadline', undefined, ending('Complete', 'AllShardsVerified'), undefined],
    ['in time', 60, ending('Complete', 'AllShardsVerified'), 'met'],
    ['too late', 60, ending('Failed', 'DeadlineExceeded'), 'missed'],
    ['by another failure', 60, ending('Failed', 'BudgetExhausted'), undefined],
  ] as const) {
    test(name, () => {
      const job = makeJob(deadline === undefined ? {} : { activeDeadlineSeconds: deadline }, { phase: 'Running' });
      const end = jobEnd(job, status);
      assert.equal(end?.deadline, expected);
      assert.equal(end?.seconds, 60);
      assert.equal(jobEnd({ ...job, status }, status), undefined, 'it is told once');
    });
  }
});

test('jobs that wait are counted by condition and reason; those that ended are not', () => {
  const condition = {
    type: 'Placed',
    status: 'False',
    reason: 'NoNodeFits',
    message: '',
    lastTransitionTime: '',
  } as const;
  const shards = { total: 3, pending: 3 };
  const jobs = [
    makeJob({}, { phase: 'Pending', conditions: [condition], shards }),
    makeJob({}, { phase: 'Failed', conditions: [condition], shards }),
  ];
  const found = waitingSamples(jobs).filter(({ value }) => value > 0);
  assert.deepEqual(found, [{ labels: { condition: 'Placed', reason: 'NoNodeFits' }, value: 1 }]);
  assert.equal(shardSamples(jobs).find(({ labels }) => labels.state === 'pending')?.value, 3);
  assert.equal(openHolds([released]).get('Work')?.count, 0);
});
