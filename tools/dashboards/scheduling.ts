import { heatmap, lines, quantiles, stat } from './panels.ts';
import type { Page } from './page.ts';

const rate = (series: string): string => `rate(${series}[$__rate_interval])`;

export const scheduling: Page = {
  name: 'scheduling',
  title: 'Scheduling',
  description: 'How fast and how well tasks find a node, what keeps them from it, and whether predictions hold.',
  rows: [
    {
      title: 'At a glance',
      panels: [
        stat({
          title: 'Decisions',
          description: 'Tasks decided per second.',
          unit: 'ops',
          expr: `sum(${rate('scheduler_placements_total')})`,
        }),
        stat({
          title: 'Decision, p99',
          description: 'Time to decide one task, without the way to the scheduler.',
          unit: 's',
          expr: `histogram_quantile(0.99, sum by (le) (${rate('scheduler_scheduling_attempt_duration_seconds_bucket')}))`,
          limits: { warning: 0.005, critical: 0.05 },
        }),
        stat({
          title: 'Not placed',
          description: 'Share of decisions that found no node, in the time range.',
          unit: 'percentunit',
          expr: 'sum(increase(scheduler_placements_total{result="unschedulable"}[$__range])) / sum(increase(scheduler_placements_total[$__range]))',
          limits: { warning: 0.2, critical: 0.5 },
        }),
        stat({
          title: 'Calls refused',
          description: 'Share of gRPC calls that the scheduler did not answer with OK, in the time range.',
          unit: 'percentunit',
          expr: 'sum(increase(grpc_server_handled_total{grpc_service="isochrone.v1alpha1.Scheduler", grpc_code!="OK"}[$__range])) / sum(increase(grpc_server_handled_total{grpc_service="isochrone.v1alpha1.Scheduler"}[$__range]))',
          limits: { warning: 0.01, critical: 0.1 },
        }),
        stat({
          title: 'Shards without a node',
          description: 'Pending shards of all jobs: the queue in front of the fleet.',
          expr: 'max(isochrone_shards{state="pending"})',
        }),
        stat({
          title: 'Assumptions',
          description:
            'Placements that no task has confirmed yet. A number that stays up means an operator that does not follow.',
          expr: 'max(scheduler_assumptions)',
        }),
      ],
    },
    {
      title: 'Decisions',
      panels: [
        lines({
          title: 'Time of a decision',
          description: 'Quantiles of the time to decide one task.',
          unit: 's',
          limits: { warning: 0.005, critical: 0.05 },
          queries: quantiles('scheduler_scheduling_attempt_duration_seconds'),
        }),
        heatmap({
          title: 'Time of a decision, distribution',
          description: 'Decisions per second by how long they took.',
          unit: 's',
          expr: `sum by (le) (${rate('scheduler_scheduling_attempt_duration_seconds_bucket')})`,
        }),
        lines({
          title: 'Placements',
          description: 'Decisions by result. Repeated: the attempt holds capacity already, as after a lost answer.',
          unit: 'ops',
          stacked: true,
          queries: [{ expr: `sum by (result) (${rate('scheduler_placements_total')})`, legend: '{{result}}' }],
        }),
        lines({
          title: 'Calls',
          description: 'gRPC calls by method and status code.',
          unit: 'reqps',
          queries: [
            {
              expr: `sum by (grpc_method, grpc_code) (${rate('grpc_server_handled_total{grpc_service="isochrone.v1alpha1.Scheduler"}')})`,
              legend: '{{grpc_method}} {{grpc_code}}',
            },
          ],
        }),
      ],
    },
    {
      title: 'Why not',
      panels: [
        lines({
          title: 'Nodes rejected',
          description:
            'Each node of each decision counts once, by the plugin and the reason that its best device reached. `kubectl isochrone why` says it for one job.',
          queries: [
            {
              expr: `sum by (plugin, reason) (${rate('scheduler_plugin_rejects_total')})`,
              legend: '{{plugin}}: {{reason}}',
            },
          ],
        }),
        lines({
          title: 'Jobs that wait, by reason',
          description: 'InferenceJobs whose condition Admitted or Placed is False.',
          stacked: true,
          queries: [
            {
              expr: 'max by (condition, reason) (isochrone_jobs_waiting) > 0 or max by (condition, reason) (isochrone_jobs_waiting{reason="NoNodeFits"})',
              legend: '{{condition}}: {{reason}}',
            },
          ],
        }),
        lines({
          title: 'Queue',
          description: 'Shards that wait for a node, that run, and that wait for a verdict.',
          stacked: true,
          queries: [
            {
              expr: 'max by (state) (isochrone_shards{state=~"pending|running|verifying"})',
              legend: '{{state}}',
            },
          ],
        }),
        lines({
          title: 'Assumptions and running tasks',
          description: 'What holds capacity in the view of the scheduler. Expired assumptions were given back unused.',
          queries: [
            { expr: 'max(scheduler_running_tasks)', legend: 'running tasks' },
            { expr: 'max(scheduler_assumptions)', legend: 'assumptions' },
            { expr: 'sum(increase(scheduler_assumptions_expired_total[10m]))', legend: 'expired in 10 min' },
          ],
        }),
      ],
    },
    {
      title: 'Prediction against reality',
      panels: [
        lines({
          title: 'Real duration',
          description: 'From the hold of an attempt until the hub has its result.',
          unit: 's',
          width: 8,
          queries: quantiles('isochrone_task_duration_seconds'),
        }),
        lines({
          title: 'Predicted duration',
          description: 'What the scheduler predicted for the same attempts.',
          unit: 's',
          width: 8,
          queries: quantiles('isochrone_task_predicted_duration_seconds'),
        }),
        lines({
          title: 'Reality / prediction',
          description:
            'Of each attempt. 1 is exact; above 1 the fleet was slower than predicted, and placement by deadline is too bold.',
          unit: 'none',
          width: 8,
          limits: { warning: 2, critical: 10 },
          queries: quantiles('isochrone_task_duration_ratio'),
        }),
        heatmap({
          title: 'Reality / prediction, distribution',
          description: 'Attempts per second by real time over predicted time.',
          unit: 'none',
          expr: `sum by (le) (${rate('isochrone_task_duration_ratio_bucket')})`,
        }),
        lines({
          title: 'Predicted too short',
          description: 'Share of attempts that took more than 1.5 times what was predicted.',
          unit: 'percentunit',
          limits: { warning: 0.2, critical: 0.5 },
          queries: [
            {
              expr: `1 - sum(${rate('isochrone_task_duration_ratio_bucket{le="1.5"}')}) / sum(${rate('isochrone_task_duration_ratio_count')})`,
              legend: 'share',
            },
          ],
        }),
      ],
    },
  ],
};
