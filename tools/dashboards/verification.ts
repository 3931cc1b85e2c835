import { lines, quantiles, stat, table } from './panels.ts';
import { byCluster, type Page } from './page.ts';

const rate = (series: string): string => `rate(${series}[$__rate_interval])`;
const windows = (verdict: string): string =>
  `sum(increase(isochrone_verification_windows_total{${byCluster}, verdict=~"${verdict}"}[$__range]))`;
const paid = (purpose: string, window: string): string =>
  `sum(increase(isochrone_settled_records_total{${byCluster}, purpose${purpose}, result="released"}[${window}]))`;

export const verification: Page = {
  name: 'verification',
  title: 'Verification',
  description: 'Whether work stands: what is sampled, what is found, what it costs, and what waits for a verdict.',
  rows: [
    {
      title: 'At a glance',
      panels: [
        stat({
          title: 'Windows that stood',
          description: 'Share of judged commitment windows with the verdict pass, in the time range.',
          unit: 'percentunit',
          expr: `${windows('pass')} / ${windows('.*')}`,
          limits: { warning: 0.99, critical: 0.95, worse: 'below' },
        }),
        stat({
          title: 'Inconclusive',
          description: 'Share of judged windows that nobody could decide: nobody is punished, and the work runs again.',
          unit: 'percentunit',
          expr: `${windows('inconclusive')} / ${windows('.*')}`,
          limits: { warning: 0.01, critical: 0.05 },
        }),
        stat({
          title: 'Proven wrong',
          description: 'Windows with the verdict fail in the time range. Each convicts a node.',
          expr: windows('fail'),
          limits: { warning: 1, critical: 3 },
        }),
        stat({
          title: 'Extra work',
          description:
            'Records re-executed for each record of work that was paid, in the time range. Small windows cost most: a re-execution is padded.',
          unit: 'percentunit',
          expr: `${paid('!="Work"', '$__range')} / ${paid('="Work"', '$__range')}`,
          limits: { warning: 0.1, critical: 0.5 },
        }),
        stat({
          title: 'Backlog',
          description: 'Shards that are delivered and not yet judged.',
          expr: 'max(isochrone_shards{state="verifying"})',
          limits: { warning: 200, critical: 2000 },
        }),
        stat({
          title: 'Nodes quarantined',
          description: 'Nodes that lost their trust and have not got it back.',
          expr: `sum(max by (cluster) (isochrone_nodes{${byCluster}, condition="Trusted", reason="Quarantined"}))`,
          limits: { warning: 1, critical: 3 },
        }),
      ],
    },
    {
      title: 'Verdicts',
      panels: [
        lines({
          title: 'Windows judged',
          description: 'Commitment windows per minute by verdict.',
          stacked: true,
          queries: [
            {
              expr: `sum by (verdict) (${rate(`isochrone_verification_windows_total{${byCluster}}`)}) * 60`,
              legend: '{{verdict}}',
            },
          ],
        }),
        table({
          title: 'Windows that did not stand, by cluster',
          description:
            'In the time range: fail convicts a node, inconclusive nobody. A cluster whose windows are often inconclusive has numerics unlike the others.',
          expr: `sum by (cluster, verdict) (increase(isochrone_verification_windows_total{${byCluster}, verdict!="pass"}[$__range]))`,
          value: 'windows',
          limits: { warning: 1, critical: 5 },
        }),
        lines({
          title: 'Nodes quarantined, by cluster',
          description: 'Nodes that are quarantined now.',
          queries: [
            {
              expr: `max by (cluster) (isochrone_nodes{${byCluster}, condition="Trusted", reason="Quarantined"})`,
              legend: '{{cluster}}',
            },
          ],
        }),
        lines({
          title: 'Convictions',
          description: 'Times in an hour that a node lost its trust by proof against it.',
          queries: [
            {
              expr: `sum by (cluster) (increase(isochrone_node_quarantines_total{${byCluster}}[1h]))`,
              legend: '{{cluster}}',
            },
          ],
        }),
      ],
    },
    {
      title: 'Sampling and its cost',
      panels: [
        lines({
          title: 'Records checked',
          description: 'Records that are sampled of judged windows, beside records of work that was paid.',
          unit: 'rps',
          queries: [
            { expr: `sum(${rate('isochrone_verification_sampled_records_total')})`, legend: 'sampled' },
            {
              expr: `sum(${rate('isochrone_settled_records_total{purpose="Work", result="released"}')})`,
              legend: 'paid',
            },
          ],
        }),
        lines({
          title: 'Share of records sampled',
          description: 'Sampled of the records of judged windows, over an hour.',
          unit: 'percentunit',
          queries: [
            {
              expr: 'sum(increase(isochrone_verification_sampled_records_total[1h])) / sum(increase(isochrone_settled_records_total{purpose="Work"}[1h]))',
              legend: 'sampled',
            },
          ],
        }),
        lines({
          title: 'Extra work',
          description: 'Records re-executed for each record of work that was paid, over an hour.',
          unit: 'percentunit',
          limits: { warning: 0.1, critical: 0.5 },
          queries: [{ expr: `${paid('!="Work"', '1h')} / ${paid('="Work"', '1h')}`, legend: 'extra work' }],
        }),
        lines({
          title: 'Re-executions settled',
          description: 'By peers (Verification) and by trusted nodes (Reference), per minute, paid or not.',
          queries: [
            {
              expr: `sum by (purpose, result) (${rate('isochrone_settlements_total{purpose!="Work"}')}) * 60`,
              legend: '{{purpose}} {{result}}',
            },
          ],
        }),
      ],
    },
    {
      title: 'Backlog',
      panels: [
        lines({
          title: 'Shards that wait for a verdict',
          description:
            'Beside those that run. The first growing while the second does not means that too few independent nodes re-execute.',
          queries: [{ expr: 'max by (state) (isochrone_shards{state=~"running|verifying"})', legend: '{{state}}' }],
        }),
        lines({
          title: 'Re-executions under way',
          description: 'Attempts of verification whose pay is held.',
          stacked: true,
          queries: [{ expr: 'max by (purpose) (isochrone_open_holds{purpose!="Work"})', legend: '{{purpose}}' }],
        }),
        lines({
          title: 'Checks of the hub, p50 to p99',
          description: 'Reading what was delivered and comparing it with what was re-executed.',
          unit: 's',
          queries: quantiles('isochrone_job_action_seconds', '{action=~"FetchEvidence|Compare"}'),
        }),
        lines({
          title: 'Sidecars (where this Prometheus scrapes the edges)',
          description: 'Receipts signed and leaves opened, per minute.',
          queries: [
            { expr: `sum(${rate('isochrone_verifier_receipts_signed_total')}) * 60`, legend: 'receipts' },
            { expr: `sum(${rate('isochrone_verifier_openings_total')}) * 60`, legend: 'openings' },
          ],
        }),
      ],
    },
  ],
};
