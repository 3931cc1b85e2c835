import { Instruments, type ComputedGauge } from '@isochrone/kube';
import type { Purpose } from '@isochrone/ledger';
import type { Counter, Histogram, Registry } from 'prom-client';
import { isFailure, type Attempt } from './attempts.ts';
import { faultClass, faultClasses, verdictOf, verdicts } from './fault-class.ts';
import { jobFailures, type JobEnd } from './job-samples.ts';

/** Of the whole way of a shard or a job: from a second on the demo's machine to a day. */
const durationBuckets = [0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 10_800, 43_200, 86_400];
/** How often the prediction is met: 1 is exact, 2 took twice as long. */
const ratioBuckets = [0.1, 0.25, 0.5, 0.75, 0.9, 1.1, 1.5, 2, 4, 10, 30, 100];

/** What the job controller counts. Money is in the currency of the federation. No label ever names a node or a job. */
export class JobMetrics {
  readonly jobs: ComputedGauge<'phase'>;
  readonly waiting: ComputedGauge<'condition' | 'reason'>;
  readonly shardStates: ComputedGauge<'state'>;
  readonly openHolds: ComputedGauge<'purpose'>;
  readonly openHoldsAmount: ComputedGauge<'purpose'>;
  readonly finished: Counter<'result' | 'reason'>;
  readonly deadlines: Counter<'result'>;
  readonly jobSeconds: Histogram<'result'>;
  readonly shards: Counter<'result'>;
  readonly shardSeconds: Histogram;
  readonly retries: Counter<'cluster' | 'class'>;
  readonly records: Counter<'cluster' | 'purpose' | 'result'>;
  readonly windows: Counter<'cluster' | 'verdict'>;
  readonly sampledRecords: Counter;
  readonly quarantines: Counter<'cluster'>;
  readonly taskSeconds: Histogram;
  readonly predictedSeconds: Histogram;
  readonly predictionRatio: Histogram;
  readonly holds: Counter<'purpose'>;
  readonly heldAmount: Counter<'purpose'>;
  readonly settlements: Counter<'purpose' | 'result'>;
  readonly settledAmount: Counter<'purpose' | 'result'>;
  readonly refunds: Counter<'purpose' | 'reason'>;
  readonly forfeitedAmount: Counter;
  readonly actionSeconds: Histogram<'action'>;

  constructor(registry: Registry) {
    const of = new Instruments(registry);
    this.jobs = of.computed('isochrone_jobs', 'InferenceJobs by phase', ['phase']);
    this.waiting = of.computed(
      'isochrone_jobs_waiting',
      'InferenceJobs that wait: a condition of theirs is False, for this reason',
      ['condition', 'reason'],
    );
    this.shardStates = of.computed('isochrone_shards', 'Shards of jobs that have not ended, by state', ['state']);
    this.openHolds = of.computed('isochrone_open_holds', 'Attempts whose pay is held now, by purpose', ['purpose']);
    this.openHoldsAmount = of.computed(
      'isochrone_open_holds_amount',
      'Pay that is held now, by purpose, in the currency of the federation',
      ['purpose'],
    );
    this.finished = of.counter(
      'isochrone_jobs_finished_total',
      'InferenceJobs that ended: complete or failed, and the reason',
      ['result', 'reason'],
    );
    this.deadlines = of.counter(
      'isochrone_job_deadlines_total',
      'InferenceJobs with activeDeadlineSeconds that ended: met or missed; those that failed otherwise are not counted',
      ['result'],
    );
    this.jobSeconds = of.histogram(
      'isochrone_job_duration_seconds',
      'Time from the admission of a job to its end',
      durationBuckets,
      ['result'],
    );
    this.shards = of.counter(
      'isochrone_shards_total',
      'Shards of settled attempts of work: complete, or to be run again',
      ['result'],
    );
    this.shardSeconds = of.histogram(
      'isochrone_shard_duration_seconds',
      'Time from the hold of a shard to its pay: transfer, wait, run and verification of the attempt that stood',
      durationBuckets,
    );
    this.retries = of.counter(
      'isochrone_shard_retries_total',
      'Shards that must run again because an attempt failed, by the class of the fault',
      ['cluster', 'class'],
    );
    this.records = of.counter('isochrone_settled_records_total', 'Records of settled attempts', [
      'cluster',
      'purpose',
      'result',
    ]);
    this.windows = of.counter('isochrone_verification_windows_total', 'Commitment windows by verdict', [
      'cluster',
      'verdict',
    ]);
    this.sampledRecords = of.counter(
      'isochrone_verification_sampled_records_total',
      'Records of judged windows that were checked by re-execution',
    );
    this.quarantines = of.counter(
      'isochrone_node_quarantines_total',
      'Times that a node lost its trust by proof against it',
      ['cluster'],
    );
    this.taskSeconds = of.histogram(
      'isochrone_task_duration_seconds',
      'Time from the hold of an attempt until the hub has its result',
      durationBuckets,
    );
    this.predictedSeconds = of.histogram(
      'isochrone_task_predicted_duration_seconds',
      'What the scheduler predicted for the attempts of isochrone_task_duration_seconds',
      durationBuckets,
    );
    this.predictionRatio = of.histogram(
      'isochrone_task_duration_ratio',
      'Time of an attempt divided by what the scheduler predicted',
      ratioBuckets,
    );
    this.holds = of.counter('isochrone_holds_total', 'Attempts whose pay was held, by purpose', ['purpose']);
    this.heldAmount = of.counter(
      'isochrone_held_amount_total',
      'Pay that was held, by purpose, in the currency of the federation',
      ['purpose'],
    );
    this.settlements = of.counter('isochrone_settlements_total', 'Attempts settled, by purpose and result', [
      'purpose',
      'result',
    ]);
    this.settledAmount = of.counter(
      'isochrone_settled_amount_total',
      'Pay that was released or refunded, by purpose, in the currency of the federation',
      ['purpose', 'result'],
    );
    this.refunds = of.counter('isochrone_refunds_total', 'Attempts whose pay went back, by purpose and reason', [
      'purpose',
      'reason',
    ]);
    this.forfeitedAmount = of.counter(
      'isochrone_forfeited_amount_total',
      'Pay that nodes lost by proven fraud, in the currency of the federation',
    );
    this.actionSeconds = of.histogram(
      'isochrone_job_action_seconds',
      'Time of the actions of the job controller',
      [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60],
      ['action'],
    );
    this.#begin();
  }

  /** A rate does not see the step from no series to the first one. */
  #begin(): void {
    this.finished.inc({ result: 'complete', reason: 'AllShardsVerified' }, 0);
    for (const reason of jobFailures) this.finished.inc({ result: 'failed', reason }, 0);
    for (const result of ['met', 'missed']) this.deadlines.inc({ result }, 0);
    for (const result of ['complete', 'rerun']) this.shards.inc({ result }, 0);
    for (const purpose of purposes) {
      this.holds.inc({ purpose }, 0);
      this.heldAmount.inc({ purpose }, 0);
      for (const result of results) {
        this.settlements.inc({ purpose, result }, 0);
        this.settledAmount.inc({ purpose, result }, 0);
      }
    }
  }

  /** An attempt was made and its pay is held. */
  held({ purpose, cluster, amount }: Attempt): void {
    this.holds.inc({ purpose });
    this.heldAmount.inc({ purpose }, currency(amount));
    for (const fault of faultClasses) this.retries.inc({ cluster, class: fault }, 0);
    for (const verdict of verdicts) this.windows.inc({ cluster, verdict }, 0);
    for (const result of results) this.records.inc({ cluster, purpose, result }, 0);
    this.quarantines.inc({ cluster }, 0);
  }

  /** The result of an attempt is on the hub. @param predictedMilliseconds 0 when nothing was predicted */
  delivered(milliseconds: number, predictedMilliseconds: number): void {
    if (predictedMilliseconds <= 0) return;
    this.taskSeconds.observe(milliseconds / 1000);
    this.predictedSeconds.observe(predictedMilliseconds / 1000);
    this.predictionRatio.observe(milliseconds / predictedMilliseconds);
  }

  /** An attempt was released or refunded. @param sampled records of it that are re-executed when it is work */
  settled(attempt: Attempt, sampled: number): void {
    const { purpose, state, reason = '', cluster, shards, records, amount, heldAt, settledAt } = attempt;
    const result = state === 'Released' ? 'released' : 'refunded';
    this.settlements.inc({ purpose, result });
    this.settledAmount.inc({ purpose, result }, currency(amount));
    this.records.inc({ cluster, purpose, result }, records);
    if (result === 'refunded') this.refunds.inc({ purpose, reason });
    if (reason === 'VerificationFailed') this.forfeitedAmount.inc(currency(amount));
    if (purpose !== 'Work') return;
    this.shards.inc({ result: result === 'released' ? 'complete' : 'rerun' }, shards.length);
    if (result === 'released') {
      const seconds = ((settledAt ?? heldAt) - heldAt) / 1000;
      for (let shard = 0; shard < shards.length; shard++) this.shardSeconds.observe(seconds);
    } else if (isFailure(attempt)) this.retries.inc({ cluster, class: faultClass(reason) }, shards.length);
    const verdict = verdictOf(attempt);
    if (verdict === undefined) return;
    this.windows.inc({ cluster, verdict });
    this.sampledRecords.inc(sampled);
  }

  /** A job ended. */
  ended({ result, reason, deadline, seconds }: JobEnd): void {
    this.finished.inc({ result, reason });
    if (deadline !== undefined) this.deadlines.inc({ result: deadline });
    if (seconds !== undefined) this.jobSeconds.observe({ result }, seconds);
  }
}

const purposes: readonly Purpose[] = ['Work', 'Verification', 'Reference'];
const results = ['released', 'refunded'] as const;

function currency(micros: bigint): number {
  return Number(micros) / 1e6;
}
