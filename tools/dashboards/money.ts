import { lines, stat } from './panels.ts';
import { byCluster, type Page } from './page.ts';

const paid = (purpose: string): string =>
  `sum(increase(isochrone_settled_amount_total{purpose${purpose}, result="released"}[$__range]))`;

export const money: Page = {
  name: 'money',
  title: 'Money',
  description:
    'What is held, paid, given back and lost, in the currency of the federation. The ledger has the last word: `isochrone ledger check`.',
  rows: [
    {
      title: 'At a glance',
      panels: [
        stat({
          title: 'Held now',
          description: 'Pay of attempts that are under way.',
          unit: 'currency',
          expr: 'sum(max by (purpose) (isochrone_open_holds_amount))',
        }),
        stat({
          title: 'Paid for work',
          description: 'Released for work that stood, in the time range.',
          unit: 'currency',
          expr: paid('="Work"'),
        }),
        stat({
          title: 'Paid for verification',
          description: 'Released for re-executions, in the time range.',
          unit: 'currency',
          expr: paid('!="Work"'),
        }),
        stat({
          title: 'Forfeited',
          description: 'Pay that nodes lost by proven fraud, in the time range.',
          unit: 'currency',
          expr: 'sum(increase(isochrone_forfeited_amount_total[$__range]))',
          limits: { warning: 0.000001, critical: 1 },
        }),
        stat({
          title: 'Ledger answers',
          description: '1 while every operator reaches the ledger.',
          expr: 'min(isochrone_ledger_up)',
          limits: { warning: 1, critical: 0.5, worse: 'below' },
        }),
        stat({
          title: 'Books do not add up',
          description: '1 while the last proof of the books failed: nothing is paid until a backup is restored.',
          expr: 'max(isochrone_ledger_corrupt)',
          limits: { warning: 0.5, critical: 1 },
        }),
      ],
    },
    {
      title: 'Holds and settlements',
      panels: [
        lines({
          title: 'Open holds',
          description: 'Attempts whose pay is held, by purpose.',
          stacked: true,
          queries: [{ expr: 'max by (purpose) (isochrone_open_holds)', legend: '{{purpose}}' }],
        }),
        lines({
          title: 'Money held',
          description: 'Pay of open holds, by purpose.',
          unit: 'currency',
          stacked: true,
          queries: [{ expr: 'max by (purpose) (isochrone_open_holds_amount)', legend: '{{purpose}}' }],
        }),
        lines({
          title: 'Held, released, refunded',
          description:
            'Money per hour. What is held is released or refunded in the end: the first line is the sum of the others, later.',
          unit: 'currency',
          queries: [
            { expr: 'sum(rate(isochrone_held_amount_total[$__rate_interval])) * 3600', legend: 'held' },
            {
              expr: 'sum by (result) (rate(isochrone_settled_amount_total[$__rate_interval])) * 3600',
              legend: '{{result}}',
            },
          ],
        }),
        lines({
          title: 'Attempts held and settled',
          description: 'Per minute.',
          queries: [
            {
              expr: 'sum by (purpose) (rate(isochrone_holds_total[$__rate_interval])) * 60',
              legend: 'held {{purpose}}',
            },
            {
              expr: 'sum by (purpose, result) (rate(isochrone_settlements_total[$__rate_interval])) * 60',
              legend: '{{result}} {{purpose}}',
            },
          ],
        }),
        lines({
          title: 'Refunds by reason',
          description: 'Attempts whose pay went back, in an hour. Users pay for none of them.',
          queries: [
            {
              expr: 'sum by (purpose, reason) (increase(isochrone_refunds_total[1h]))',
              legend: '{{purpose}}: {{reason}}',
            },
          ],
        }),
        lines({
          title: 'Share of pay for verification',
          description: 'Of what is released, over an hour: what trust costs users.',
          unit: 'percentunit',
          limits: { warning: 0.1, critical: 0.5 },
          queries: [
            {
              expr: 'sum(increase(isochrone_settled_amount_total{purpose!="Work", result="released"}[1h])) / sum(increase(isochrone_settled_amount_total{result="released"}[1h]))',
              legend: 'verification',
            },
          ],
        }),
      ],
    },
    {
      title: 'Prices and balances',
      panels: [
        lines({
          title: 'Price, mean by cluster',
          description: 'What usable devices ask for a thousand reference seconds.',
          unit: 'currency',
          queries: [
            {
              expr: `max by (cluster) (scheduler_price_per_thousand_reference_seconds{${byCluster}, bound="mean"})`,
              legend: '{{cluster}}',
            },
          ],
        }),
        lines({
          title: 'Price, least and most of the fleet',
          description: 'The span that users choose from.',
          unit: 'currency',
          queries: [
            {
              expr: `min(scheduler_price_per_thousand_reference_seconds{${byCluster}, bound="least"})`,
              legend: 'least',
            },
            {
              expr: `max(scheduler_price_per_thousand_reference_seconds{${byCluster}, bound="most"})`,
              legend: 'most',
            },
          ],
        }),
        lines({
          title: 'Balances of namespaces',
          description: 'What each namespace can still spend. A namespace at 0 gets no more work: InsufficientFunds.',
          unit: 'currency',
          queries: [{ expr: 'max by (namespace) (isochrone_account_balance)', legend: '{{namespace}}' }],
        }),
        lines({
          title: 'Balances of providers',
          description: 'What each provider has earned.',
          unit: 'currency',
          queries: [{ expr: 'max by (provider) (isochrone_provider_balance)', legend: '{{provider}}' }],
        }),
      ],
    },
  ],
};
