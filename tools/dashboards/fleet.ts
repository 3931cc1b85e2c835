import { lines, map, stat, table } from './panels.ts';
import { byCluster, type Page } from './page.ts';

const slots = (state: string): string =>
  `sum(max by (cluster) (scheduler_device_slots{${byCluster}, state=~"${state}"}))`;
/** The info series of each cluster once, whichever operator tells it. */
const info = 'max by (cluster, provider, class, country, region, latitude, longitude) (isochrone_edge_cluster_info)';

export const fleet: Page = {
  name: 'fleet',
  title: 'Fleet',
  description: 'Members of the federation: where they are, whether they are ready, and what they can still take.',
  rows: [
    {
      title: 'At a glance',
      panels: [
        stat({
          title: 'Clusters not ready',
          description: 'EdgeClusters whose condition Ready is not True. See the map and the table for which and why.',
          expr: `count(max by (cluster) (isochrone_edge_cluster_ready{${byCluster}})) - sum(max by (cluster) (isochrone_edge_cluster_ready{${byCluster}}))`,
          limits: { warning: 1, critical: 2 },
        }),
        stat({
          title: 'Nodes ready',
          description: 'Accepted nodes whose condition Ready is True, as a share of all accepted nodes.',
          unit: 'percentunit',
          expr: `sum(max by (cluster) (isochrone_edge_cluster_nodes{${byCluster}, state="ready"})) / sum(max by (cluster) (isochrone_edge_cluster_nodes{${byCluster}, state="total"}))`,
          limits: { warning: 0.95, critical: 0.8, worse: 'below' },
        }),
        stat({
          title: 'Slots in use',
          description: 'Slots of usable devices that hold a task or an assumption. Near 100 % new work waits.',
          unit: 'percentunit',
          expr: `${slots('used')} / ${slots('used|free')}`,
          limits: { warning: 0.85, critical: 0.97 },
        }),
        stat({
          title: 'Free slots',
          description: 'Tasks that the fleet can take now.',
          expr: slots('free'),
          limits: { warning: 5, critical: 1, worse: 'below' },
        }),
        stat({
          title: 'Nodes that lost their trust',
          description: 'Nodes quarantined by proof against them, until an administrator gives the trust back.',
          expr: `sum(max by (cluster) (isochrone_nodes{${byCluster}, condition="Trusted", reason="Quarantined"}))`,
          limits: { warning: 1, critical: 3 },
        }),
        stat({
          title: 'Jobs that wait for a node',
          description: 'InferenceJobs whose condition Placed is False.',
          expr: 'sum(max by (reason) (isochrone_jobs_waiting{condition="Placed"}))',
          limits: { warning: 1, critical: 10 },
        }),
      ],
    },
    {
      title: 'Members',
      panels: [
        map({
          title: 'Clusters by place',
          description: 'Accepted location of each EdgeCluster; green while it is Ready, red while it is not.',
          expr: `max by (cluster) (isochrone_edge_cluster_ready{${byCluster}}) * on (cluster) group_left (provider, class, country, region, latitude, longitude) ${info}`,
          limits: { warning: 1, critical: 0.5, worse: 'below' },
        }),
        table({
          title: 'Conditions',
          description: 'Every condition of every EdgeCluster with its reason; 1 is True.',
          expr: `max by (cluster, condition, reason) (isochrone_edge_cluster_condition{${byCluster}})`,
          value: 'is true',
          limits: { warning: 1, critical: 0.5, worse: 'below' },
        }),
      ],
    },
    {
      title: 'Capacity',
      panels: [
        lines({
          title: 'Slots',
          description: 'Used, free, and unusable: those of nodes that are not ready, not trusted, or not paid.',
          stacked: true,
          queries: [
            {
              expr: `sum by (state) (max by (cluster, state) (scheduler_device_slots{${byCluster}}))`,
              legend: '{{state}}',
            },
          ],
        }),
        lines({
          title: 'Slots in use by cluster',
          description: 'Share of the slots of each cluster that hold a task.',
          unit: 'percentunit',
          limits: { warning: 0.85, critical: 0.97 },
          queries: [
            {
              expr: `max by (cluster) (scheduler_device_slots{${byCluster}, state="used"}) / sum by (cluster) (max by (cluster, state) (scheduler_device_slots{${byCluster}}))`,
              legend: '{{cluster}}',
            },
          ],
        }),
        lines({
          title: 'Devices',
          description: 'Busy: every slot is in use. Free: one is not. Unusable: their node may get no work.',
          stacked: true,
          queries: [
            {
              expr: `sum by (state) (max by (cluster, state) (scheduler_devices{${byCluster}}))`,
              legend: '{{state}}',
            },
          ],
        }),
        lines({
          title: 'Device memory in use by cluster',
          description: 'Memory that tasks hold, as a share of what devices offer.',
          unit: 'percentunit',
          limits: { warning: 0.85, critical: 0.97 },
          queries: [
            {
              expr: `max by (cluster) (scheduler_device_memory_bytes{${byCluster}, state="used"}) / max by (cluster) (scheduler_device_memory_bytes{${byCluster}, state="total"})`,
              legend: '{{cluster}}',
            },
          ],
        }),
      ],
    },
    {
      title: 'Nodes',
      panels: [
        lines({
          title: 'Nodes by readiness',
          description: 'The reason of the condition Ready. AgentReady is the good one.',
          stacked: true,
          queries: [
            {
              expr: `sum by (reason) (max by (cluster, reason) (isochrone_nodes{${byCluster}, condition="Ready"}))`,
              legend: '{{reason}}',
            },
          ],
        }),
        lines({
          title: 'Nodes by trust',
          description: 'The reason of the condition Trusted. Quarantined nodes get no work.',
          stacked: true,
          queries: [
            {
              expr: `sum by (reason) (max by (cluster, reason) (isochrone_nodes{${byCluster}, condition="Trusted"}))`,
              legend: '{{reason}}',
            },
          ],
        }),
        lines({
          title: 'Reports refused',
          description:
            'NodeReports that the hub did not believe, per minute. A member that keeps sending them is misconfigured or lies.',
          queries: [
            {
              expr: 'sum by (reason) (rate(isochrone_node_reports_refused_total[$__rate_interval])) * 60',
              legend: '{{reason}}',
            },
          ],
        }),
        lines({
          title: 'Model admissions',
          description: 'Admissions of model versions that ended in the last hour, by reason.',
          queries: [
            {
              expr: 'sum by (reason) (increase(isochrone_model_admissions_total[1h]))',
              legend: '{{reason}}',
            },
          ],
        }),
      ],
    },
  ],
};
