import { Metrics } from '@isochrone/kube';
import { agentMetrics } from '@isochrone/node-agent/agent';
import { verifierMetrics } from '@isochrone/node-agent/verifier';
import { SyncMetrics } from '@isochrone/operator/edge';
import { JobMetrics, OperatorMetrics } from '@isochrone/operator/hub';
import { declareMetrics as schedulerMetrics } from '@isochrone/scheduler';
import { createRegistry, observeCertificates } from '@isochrone/service';
import { Registry } from 'prom-client';
import { code, generatedNote, markdownTable, plain } from './markdown.ts';

interface Section {
  readonly about: string;
  readonly declare: (registry: Registry) => void;
}

const sections: Readonly<Record<string, Section>> = {
  'Hub operator': {
    about:
      'Port 8080. Gauges of what only the leader knows (members, nodes, jobs, money) are told by the leader alone: take `max` over operators, not `sum`.',
    declare: (registry) => {
      new OperatorMetrics(registry);
      new JobMetrics(registry);
      observeCertificates(registry, undefined);
    },
  },
  Scheduler: {
    about: 'Port 8080.',
    declare: (registry) => {
      schedulerMetrics(registry);
      observeCertificates(registry, undefined);
    },
  },
  'Edge operator': {
    about: 'Port 8080, on the member.',
    declare: (registry) => {
      new SyncMetrics(registry);
    },
  },
  'Node agent': { about: 'Port 8081, on the member.', declare: (registry) => void agentMetrics(registry) },
  'Verifier sidecar': { about: 'Port 8082, on the member.', declare: (registry) => void verifierMetrics(registry) },
  'Controllers, watches, leases and requests': {
    about:
      'Of operator, scheduler, edge operator and agent; each tells what it has. Named as controller-runtime and client-go name theirs, where they have them, so that existing dashboards fit. `cluster` is the API server that is meant.',
    declare: (registry) => {
      const metrics = new Metrics(registry);
      // They are made when they are first asked for.
      for (const name of Object.keys(Object.getOwnPropertyDescriptors(Metrics.prototype))) Reflect.get(metrics, name);
    },
  },
};

/** Every metric of every program: its type, its labels and what it means. */
export function metricsPage(): string {
  const written = Object.entries(sections).map(([title, { about, declare }]) => {
    const registry = new Registry();
    declare(registry);
    return `## ${title}\n\n${about}\n\n${metricRows(registry)}`;
  });
  return [
    generatedNote,
    '# Metrics',
    'What the programs tell at `/metrics`. How to use it: [monitoring](../monitoring.md). No label names a node or a job: the number of series grows with clusters, namespaces and providers, not with nodes. Histograms are classic ones: `_bucket`, `_sum` and `_count`.',
    ...written,
    `## The process\n\nOf every program, by prom-client, without its three gauges whose names promtool refuses.\n\n${metricRows(createRegistry('any', ''))}`,
    '',
  ].join('\n\n');
}

/** What prom-client has of a metric and does not declare. */
interface Described {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly labelNames?: readonly string[];
}

function metricRows(registry: Registry): string {
  const metrics = registry.getMetricsAsArray() as unknown as Described[];
  const rows = metrics
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, help, type, labelNames = [] }) => [
      code(name),
      type,
      labelNames.map((label) => code(label)).join(', '),
      plain(help),
    ]);
  return markdownTable(['Name', 'Type', 'Labels', 'Meaning'], rows);
}
