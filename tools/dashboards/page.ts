import {
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { datasource, type PanelBuilderLike } from './panels.ts';

export interface Row {
  readonly title: string;
  readonly panels: readonly PanelBuilderLike[];
}

/** One dashboard: its name in files and addresses, and what is on it. */
export interface Page {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly rows: readonly Row[];
}

/** Matches the EdgeClusters that the reader of the dashboard picked. */
export const byCluster = 'cluster=~"$cluster"';

const tag = 'isochrone';

/** The JSON of a dashboard as Grafana imports it. The same input gives the same bytes. */
export function dashboardJson({ name, title, description, rows }: Page): string {
  // The newer schema is for Grafana's own API: provisioning from files, as its sidecar does it, takes this one.
  // eslint-disable-next-line @typescript-eslint/no-deprecated
  const dashboard = new DashboardBuilder(`Isochrone / ${title}`)
    .uid(`isochrone-${name}`)
    .description(description)
    .tags([tag])
    .timezone('browser')
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from: 'now-3h', to: 'now' })
    .refresh('30s')
    .readonly()
    .link(
      new DashboardLinkBuilder('Isochrone')
        .type(DashboardLinkType.Dashboards)
        .tags([tag])
        .asDropdown(true)
        .includeVars(true)
        .keepTime(true),
    )
    .withVariable(new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'))
    .withVariable(
      new QueryVariableBuilder('cluster')
        .label('Edge cluster')
        .description('Members of the federation. Panels that are not by cluster show all of them.')
        .datasource(datasource)
        .query({ query: 'label_values(isochrone_edge_cluster_info, cluster)', refId: 'cluster' })
        .refresh(VariableRefresh.OnTimeRangeChanged)
        .sort(VariableSort.AlphabeticalAsc)
        .multi(true)
        .includeAll(true)
        .allValue('.*')
        .current({ selected: true, text: ['All'], value: ['$__all'] }),
    );
  for (const row of rows) {
    dashboard.withRow(new RowBuilder(row.title));
    for (const panel of row.panels) dashboard.withPanel(panel);
  }
  return `${JSON.stringify(dashboard.build(), undefined, 2)}\n`;
}
