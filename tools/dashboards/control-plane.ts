import { lines, quantiles, stat } from './panels.ts';
import { byCluster, type Page } from './page.ts';

const rate = (series: string): string => `rate(${series}[$__rate_interval])`;

export const controlPlane: Page = {
  name: 'control-plane',
  title: 'Control plane',
  description: 'Health of operator, scheduler and edges: reconciles, queues, watches, leases, credentials, processes.',
  rows: [
    {
      title: 'At a glance',
      panels: [
        stat({
          title: 'Leaders',
          description: 'Operators that hold the lease. Anything but 1 for longer than a failover is wrong.',
          expr: 'sum(leader_election_master_status)',
          limits: { warning: 1, critical: 0.5, worse: 'below' },
        }),
        stat({
          title: 'Reconciles that fail',
          description: 'Share of reconciles that ended with an error.',
          unit: 'percentunit',
          expr: `sum(${rate('controller_runtime_reconcile_errors_total')}) / sum(${rate('controller_runtime_reconcile_total')})`,
          limits: { warning: 0.05, critical: 0.25 },
        }),
        stat({
          title: 'Keys waiting',
          description: 'In all work queues together.',
          expr: 'sum(workqueue_depth)',
          limits: { warning: 500, critical: 5000 },
        }),
        stat({
          title: 'Oldest watch',
          description: 'Longest time since any watch heard anything, bookmarks included.',
          unit: 's',
          expr: 'max(reflector_last_event_age_seconds)',
          limits: { warning: 240, critical: 600 },
        }),
        stat({
          title: 'Credential nearest its end',
          description: 'Share of its life that the token of a member has left. Each is replaced with a third left.',
          unit: 'percentunit',
          expr: `min((isochrone_edge_credential_expiration_timestamp_seconds{${byCluster}} - time()) / (isochrone_edge_credential_expiration_timestamp_seconds{${byCluster}} - isochrone_edge_credential_issued_timestamp_seconds{${byCluster}}))`,
          limits: { warning: 0.33, critical: 0.25, worse: 'below' },
        }),
        stat({
          title: 'Hub heard, longest ago',
          description: 'At the edges that this Prometheus scrapes: time since the hub took the last renewal.',
          unit: 's',
          expr: 'max(time() - isochrone_sync_last_contact_timestamp_seconds)',
          limits: { warning: 40, critical: 120 },
        }),
      ],
    },
    {
      title: 'Reconciles and queues',
      panels: [
        lines({
          title: 'Reconciles',
          description: 'Per second by controller.',
          unit: 'ops',
          queries: [
            { expr: `sum by (controller) (${rate('controller_runtime_reconcile_total')})`, legend: '{{controller}}' },
          ],
        }),
        lines({
          title: 'Reconciles that failed',
          description: 'Per minute by controller. Each is tried again with backoff; terminal ones only after a change.',
          queries: [
            {
              expr: `sum by (controller) (${rate('controller_runtime_reconcile_errors_total')}) * 60`,
              legend: '{{controller}}',
            },
            {
              expr: `sum(${rate('controller_runtime_terminal_reconcile_errors_total')}) * 60`,
              legend: 'terminal, all',
            },
          ],
        }),
        lines({
          title: 'Time of a reconcile, p99',
          description: 'By controller.',
          unit: 's',
          queries: [
            {
              expr: `histogram_quantile(0.99, sum by (le, controller) (${rate('controller_runtime_reconcile_time_seconds_bucket')}))`,
              legend: '{{controller}}',
            },
          ],
        }),
        lines({
          title: 'Queue depth',
          description: 'Keys that wait, by queue. One that only grows has a controller that is stuck or too slow.',
          queries: [{ expr: 'sum by (name) (workqueue_depth)', legend: '{{name}}' }],
        }),
        lines({
          title: 'Wait in the queue, p99',
          description: 'From add to take.',
          unit: 's',
          queries: [
            {
              expr: `histogram_quantile(0.99, sum by (le, name) (${rate('workqueue_queue_duration_seconds_bucket')}))`,
              legend: '{{name}}',
            },
          ],
        }),
        lines({
          title: 'Oldest key being worked on',
          description: 'A key that stays for minutes hangs in a call.',
          unit: 's',
          limits: { warning: 60, critical: 300 },
          queries: [{ expr: 'max by (name) (workqueue_longest_running_processor_seconds)', legend: '{{name}}' }],
        }),
      ],
    },
    {
      title: 'Watches and requests',
      panels: [
        lines({
          title: 'Watch freshness',
          description:
            'Time since the last event, bookmark or page, by program and resource. Bookmarks come about once a minute.',
          unit: 's',
          limits: { warning: 240, critical: 600 },
          queries: [
            {
              expr: 'max by (job, cluster, resource) (reflector_last_event_age_seconds)',
              legend: '{{job}} {{cluster}} {{resource}}',
            },
          ],
        }),
        lines({
          title: 'Watches opened and full syncs',
          description:
            'In 10 minutes, by program. Watches end every few minutes; many more full syncs than that mean an API server that loses history.',
          queries: [
            { expr: 'sum by (job) (increase(reflector_watches_total[10m]))', legend: 'watches, {{job}}' },
            { expr: 'sum by (job) (increase(reflector_lists_total[10m]))', legend: 'full syncs, {{job}}' },
          ],
        }),
        lines({
          title: 'API requests',
          description: 'Per second by status. 429 is throttling, 409 is ordinary, <error> is no answer.',
          unit: 'reqps',
          queries: [{ expr: `sum by (code) (${rate('rest_client_requests_total')})`, legend: '{{code}}' }],
        }),
        lines({
          title: 'Time of an API request',
          description: 'All verbs but watches.',
          unit: 's',
          queries: quantiles('rest_client_request_duration_seconds', '{verb!="WATCH"}'),
        }),
      ],
    },
    {
      title: 'Leases and credentials',
      panels: [
        lines({
          title: 'Leadership',
          description: '1 for the process that holds the lease.',
          queries: [
            { expr: 'max by (name, instance) (leader_election_master_status)', legend: '{{name}} {{instance}}' },
          ],
        }),
        lines({
          title: 'Lease renewals',
          description: 'Failed renewals of the leader, and renewals of the edges on the hub by result, per minute.',
          queries: [
            { expr: `sum(${rate('leader_election_renew_failures_total')}) * 60`, legend: 'leader, failed' },
            {
              expr: `sum by (result) (${rate('isochrone_sync_lease_renewals_total')}) * 60`,
              legend: 'edges, {{result}}',
            },
          ],
        }),
        lines({
          title: 'Credentials expire in',
          description: 'Life left of the token of each member, as the hub knows it.',
          unit: 's',
          queries: [
            {
              expr: `max by (cluster) (isochrone_edge_credential_expiration_timestamp_seconds{${byCluster}}) - time()`,
              legend: '{{cluster}}',
            },
            {
              expr: 'min by (instance) (isochrone_sync_token_expiration_timestamp_seconds > 0) - time()',
              legend: 'at the edge, {{instance}}',
            },
          ],
        }),
        lines({
          title: 'Tokens issued',
          description: 'In an hour, by result. A failure is told in the condition CredentialValid.',
          queries: [
            { expr: 'sum by (result) (increase(isochrone_edge_tokens_issued_total[1h]))', legend: '{{result}}' },
          ],
        }),
        lines({
          title: 'Join tokens that ended',
          description: 'In an hour, by how: Joined, or why they were refused.',
          queries: [
            { expr: 'sum by (outcome) (increase(isochrone_edge_joins_total[1h]))', legend: '{{outcome}}' },
            {
              expr: 'sum by (outcome) (increase(isochrone_sync_joins_total[1h]))',
              legend: 'at the edges, {{outcome}}',
            },
          ],
        }),
        lines({
          title: 'Certificates expire in',
          description:
            'Life left of the certificates between operator and scheduler, and of their authority. Those of the chart are renewed by helm upgrade alone.',
          unit: 's',
          queries: [
            {
              expr: 'min by (job, certificate) (isochrone_tls_certificate_expiration_timestamp_seconds) - time()',
              legend: '{{job}}, {{certificate}}',
            },
          ],
        }),
        lines({
          title: 'Edges whose credential counts',
          description: '1 while the hub takes it; 0 before a join, and once it ran out, was revoked or replaced.',
          queries: [{ expr: 'min by (instance) (isochrone_sync_credential_valid)', legend: '{{instance}}' }],
        }),
        lines({
          title: 'Sync of the edges',
          description: 'Copies of tasks on members, and statuses and reports sent to the hub, per minute.',
          queries: [
            { expr: `sum by (action) (${rate('isochrone_sync_tasks_total')}) * 60`, legend: 'tasks {{action}}' },
            { expr: `sum by (kind) (${rate('isochrone_sync_statuses_total')}) * 60`, legend: 'statuses: {{kind}}' },
            { expr: `sum(${rate('isochrone_sync_reports_total')}) * 60`, legend: 'reports' },
            { expr: `sum(${rate('isochrone_sync_strangers_total')}) * 60`, legend: 'strangers left alone' },
          ],
        }),
        lines({
          title: 'The node table of the scheduler',
          description: 'Nodes and devices that it knows.',
          queries: [
            { expr: 'max(scheduler_node_table_nodes)', legend: 'nodes' },
            { expr: 'max(scheduler_node_table_rows)', legend: 'devices' },
          ],
        }),
      ],
    },
    {
      title: 'Processes',
      panels: [
        lines({
          title: 'CPU',
          description: 'Cores in use, by program.',
          width: 8,
          queries: [
            {
              expr: `sum by (job, program) (${rate('process_cpu_seconds_total')} * on (instance, job) group_left (program) isochrone_build_info)`,
              legend: '{{program}}',
            },
          ],
        }),
        lines({
          title: 'Resident memory',
          description:
            'Largest process of each program. Targets: edge 150 MB, agent 100 MB, operator 250 MB at 100,000 nodes.',
          unit: 'bytes',
          width: 8,
          queries: [
            {
              expr: 'max by (program) (process_resident_memory_bytes * on (instance, job) group_left (program) isochrone_build_info)',
              legend: '{{program}}',
            },
          ],
        }),
        lines({
          title: 'Event loop lag, p99',
          description: 'A program whose loop lags answers nothing: leases, health checks and metrics come late.',
          unit: 's',
          width: 8,
          limits: { warning: 0.1, critical: 1 },
          queries: [
            {
              expr: 'max by (program) (nodejs_eventloop_lag_p99_seconds * on (instance, job) group_left (program) isochrone_build_info)',
              legend: '{{program}}',
            },
          ],
        }),
      ],
    },
  ],
};
