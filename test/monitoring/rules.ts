import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parse } from 'yaml';

export const root = join(import.meta.dirname, '..', '..');

export interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** The rules of both charts, and the file of each. */
export function chartRules(): (Rule & { readonly file: string })[] {
  return globSync(join(root, 'charts', '*', 'files', 'alerts', '*.yaml')).flatMap((file) => {
    const { groups } = parse(readFileSync(file, 'utf8')) as { groups: readonly { readonly rules: readonly Rule[] }[] };
    return groups.flatMap(({ rules }) => rules.map((rule) => ({ ...rule, file })));
  });
}

export interface PanelQuery {
  readonly dashboard: string;
  readonly panel: string;
  readonly expr: string;
}

interface Panel {
  readonly title?: string;
  readonly targets?: readonly { readonly expr: string }[];
  readonly panels?: readonly Panel[];
}

/** Every query of every dashboard, as Grafana would find it. */
export function dashboardQueries(): PanelQuery[] {
  return globSync(join(root, 'charts', '*', 'files', 'dashboards', '*.json')).flatMap((file) => {
    const { panels } = JSON.parse(readFileSync(file, 'utf8')) as { panels: readonly Panel[] };
    return [...queriesOf(panels, basename(file, '.json'))];
  });
}

function* queriesOf(panels: readonly Panel[], dashboard: string): Generator<PanelQuery> {
  for (const { title = '', targets = [], panels: inner = [] } of panels) {
    for (const { expr } of targets) yield { dashboard, panel: title, expr };
    yield* queriesOf(inner, dashboard);
  }
}

const families =
  /(?<![\w:"$])(?:isochrone|scheduler|grpc|controller_runtime|workqueue|rest_client|reflector|leader_election|process|nodejs)[a-z0-9_]*_[a-z0-9_]+|isochrone:[a-z0-9_:]+/g;

const labelLists = /\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g;

/** The metrics and recorded series that an expression names; what stands in quotes and in lists of labels is none. */
export function metricsOf(expr: string): Set<string> {
  const bare = expr
    .replaceAll(/"[^"]*"/g, '""')
    .replaceAll(/\{[^}]*\}/g, '')
    .replaceAll(labelLists, '');
  return new Set(bare.match(families));
}
