import { heatmap, lines, quantiles, stat } from './panels.ts';
import { byCluster, type Page } from './page.ts';

const rate = (series: string): string => `rate(${series}[$__rate_interval])`;
const ended = (labels: string): string => `sum(increase(isochrone_jobs_finished_total{${labels}}[$__range]))`;

export const jobs: Page = {
  name: 'jobs',
  title: 'Jobs',
  description: 'Batch jobs and their shards: how many, how fast, how often again, and whether deadlines are met.',
  rows: [
    {
      title: 'At a glance',
      panels: [
        stat({
          title: 'Running',
          description: 'InferenceJobs in phase Running.',
          expr: 'max(isochrone_jobs{phase="Running"})',
        }),
        stat({
          title: 'Completed',
          description: 'InferenceJobs that completed in the time range.',
          expr: ended('result="complete"'),
        }),
        stat({
          title: 'Failed',
          description: 'InferenceJobs that failed in the time range, whatever the reason.',
          expr: ended('result="failed"'),
          limits: { warning: 1, critical: 5 },
        }),
        stat({
          title: 'Deadlines missed',
          description: 'Jobs that their activeDeadlineSeconds ended, in the time range.',
          expr: 'sum(increase(isochrone_job_deadlines_total{result="missed"}[$__range]))',
          limits: { warning: 1, critical: 5 },
        }),
        stat({
          title: 'Shards by fault of the fleet',
          description:
            'Share of shards that had to run again by a fault of providers, availability or verification, in an hour. The objective is 1 %.',
          unit: 'percentunit',
          expr: 'isochrone:shard_faults:ratio_rate1h',
          limits: { warning: 0.01, critical: 0.03 },
        }),
        stat({
          title: 'Shard, p90',
          description: 'Time from the hold of a shard to its pay, in the time range.',
          unit: 's',
          expr: 'histogram_quantile(0.9, sum by (le) (increase(isochrone_shard_duration_seconds_bucket[$__range])))',
        }),
      ],
    },
    {
      title: 'Jobs',
      panels: [
        lines({
          title: 'Jobs by phase',
          description: 'InferenceJobs that exist.',
          stacked: true,
          queries: [{ expr: 'max by (phase) (isochrone_jobs)', legend: '{{phase}}' }],
        }),
        lines({
          title: 'Jobs that ended',
          description: 'In the last hour, by result and reason.',
          queries: [
            {
              expr: 'sum by (result, reason) (increase(isochrone_jobs_finished_total[1h])) > 0 or sum by (result) (increase(isochrone_jobs_finished_total{result="complete"}[1h]))',
              legend: '{{result}} {{reason}}',
            },
          ],
        }),
        lines({
          title: 'Time of a job',
          description: 'From its admission to its completion.',
          unit: 's',
          queries: quantiles('isochrone_job_duration_seconds', '{result="complete"}'),
        }),
        lines({
          title: 'Deadlines',
          description: 'Jobs with activeDeadlineSeconds that met it or missed it, in the last hour.',
          queries: [{ expr: 'sum by (result) (increase(isochrone_job_deadlines_total[1h]))', legend: '{{result}}' }],
        }),
      ],
    },
    {
      title: 'Shards',
      panels: [
        lines({
          title: 'Shards of open jobs',
          description: 'By state. Verifying: delivered, and not yet judged.',
          stacked: true,
          queries: [{ expr: 'max by (state) (isochrone_shards)', legend: '{{state}}' }],
        }),
        lines({
          title: 'Shards settled',
          description: 'Per second: complete, or to be run again.',
          unit: 'ops',
          queries: [{ expr: `sum by (result) (${rate('isochrone_shards_total')})`, legend: '{{result}}' }],
        }),
        lines({
          title: 'Records paid, by cluster',
          description: 'Records of work that stood, per second: the throughput that users pay for.',
          unit: 'rps',
          queries: [
            {
              expr: `sum by (cluster) (${rate(`isochrone_settled_records_total{${byCluster}, purpose="Work", result="released"}`)})`,
              legend: '{{cluster}}',
            },
          ],
        }),
        lines({
          title: 'Time of a shard',
          description: 'From its hold to its pay: transfer, wait, run and verification of the attempt that stood.',
          unit: 's',
          queries: quantiles('isochrone_shard_duration_seconds'),
        }),
        heatmap({
          title: 'Time of a shard, distribution',
          description: 'Shards per second by how long they took.',
          unit: 's',
          expr: `sum by (le) (${rate('isochrone_shard_duration_seconds_bucket')})`,
        }),
        lines({
          title: 'Actions of the job controller, p90',
          description:
            'Time of what the operator does for jobs. What grows first names the part that is slow: storage, ledger, scheduler or hub.',
          unit: 's',
          queries: [
            {
              expr: `histogram_quantile(0.9, sum by (le, action) (${rate('isochrone_job_action_seconds_bucket')}))`,
              legend: '{{action}}',
            },
          ],
        }),
      ],
    },
    {
      title: 'Retries',
      panels: [
        lines({
          title: 'Retries by class of fault',
          description:
            'Shards that must run again, per minute. Model, Input and Output are faults of the user; the rest are faults of the fleet.',
          stacked: true,
          queries: [
            {
              expr: `sum by (class) (${rate(`isochrone_shard_retries_total{${byCluster}}`)}) * 60`,
              legend: '{{class}}',
            },
          ],
        }),
        lines({
          title: 'Retries by cluster',
          description: 'The same by the cluster whose attempt failed: one line that stands out is a bad member.',
          queries: [
            {
              expr: `sum by (cluster) (${rate(`isochrone_shard_retries_total{${byCluster}}`)}) * 60`,
              legend: '{{cluster}}',
            },
          ],
        }),
      ],
    },
    {
      title: 'Agents (where this Prometheus scrapes the edges)',
      panels: [
        lines({
          title: 'Records run',
          description: 'Records that agents ran per second, paid or not.',
          unit: 'rps',
          width: 8,
          queries: [{ expr: `sum by (job) (${rate('isochrone_agent_records_total')})`, legend: '{{job}}' }],
        }),
        lines({
          title: 'Time of a batch',
          description: 'One run of onnxruntime.',
          unit: 's',
          width: 8,
          queries: quantiles('isochrone_agent_batch_duration_seconds'),
        }),
        lines({
          title: 'Attempts that ended',
          description: 'By type and result, per minute.',
          width: 8,
          queries: [
            {
              expr: `sum by (type, result) (${rate('isochrone_agent_tasks_total')}) * 60`,
              legend: '{{type}} {{result}}',
            },
          ],
        }),
        lines({
          title: 'Models',
          description: 'Bytes of models downloaded per second, and how often a model was there already.',
          unit: 'Bps',
          width: 8,
          queries: [
            { expr: `sum(${rate('isochrone_agent_model_downloaded_bytes_total')})`, legend: 'downloaded' },
            { expr: `sum(${rate('isochrone_agent_uploaded_bytes_total')})`, legend: 'outputs delivered' },
          ],
        }),
        lines({
          title: 'Model store',
          description: 'Hits, evictions and files with a wrong digest, in 10 minutes.',
          width: 8,
          queries: [
            { expr: 'sum(increase(isochrone_agent_model_cache_hits_total[10m]))', legend: 'hits' },
            { expr: 'sum(increase(isochrone_agent_model_evictions_total[10m]))', legend: 'evictions' },
            { expr: 'sum(increase(isochrone_agent_models_corrupt_total[10m]))', legend: 'wrong digest' },
          ],
        }),
        lines({
          title: 'Runtimes',
          description: 'Tasks that run now, and runtime processes that crashed in 10 minutes.',
          width: 8,
          queries: [
            { expr: 'sum(isochrone_agent_running_tasks)', legend: 'running' },
            { expr: 'sum(increase(isochrone_agent_runtime_restarts_total[10m]))', legend: 'crashes' },
          ],
        }),
      ],
    },
  ],
};
