import {
  FrameGeometrySourceBuilder,
  FrameGeometrySourceMode,
  GraphGradientMode,
  LegendDisplayMode,
  LegendPlacement,
  MapLayerOptionsBuilder,
  ReduceDataOptionsBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
  type DataSourceRef,
} from '@grafana/grafana-foundation-sdk/common';
import {
  FieldColorBuilder,
  FieldColorModeId,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  type Panel,
  type Threshold,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { MapViewConfigBuilder, PanelBuilder as GeomapBuilder } from '@grafana/grafana-foundation-sdk/geomap';
import {
  HeatmapColorMode,
  HeatmapColorOptionsBuilder,
  PanelBuilder as HeatmapBuilder,
} from '@grafana/grafana-foundation-sdk/heatmap';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { BigValueColorMode, BigValueGraphMode } from '@grafana/grafana-foundation-sdk/common';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

/** The data source that the reader of the dashboard picks. */
export const datasource: DataSourceRef = { type: 'prometheus', uid: '${datasource}' };

export interface Query {
  readonly expr: string;
  readonly legend?: string;
}

/** Grafana's unit identifiers; `currency` is the federation's, which the dashboards do not know. */
export type Unit = 'short' | 's' | 'percentunit' | 'bytes' | 'ops' | 'reqps' | 'rps' | 'none' | 'currency' | 'Bps';

/** Where a value turns from good to worse; ascending for a value that should be low, else with `worse: 'below'`. */
export interface Limits {
  readonly warning: number;
  readonly critical: number;
  readonly worse?: 'above' | 'below';
}

interface Common {
  readonly title: string;
  /** What the panel shows and what to make of it. */
  readonly description: string;
  readonly unit?: Unit;
  readonly limits?: Limits;
  /** Of 24. */
  readonly width?: number;
}

export interface PanelBuilderLike {
  build(): Panel;
}

const grafanaUnit = (unit: Unit = 'short'): string => (unit === 'currency' ? 'none' : unit);

function query({ expr, legend }: Query, refId: string): DataqueryBuilder {
  const built = new DataqueryBuilder().datasource(datasource).expr(expr).refId(refId);
  return legend === undefined ? built : built.legendFormat(legend);
}

const refIdOf = (index: number): string => String.fromCharCode(65 + index);

function thresholds(limits: Limits | undefined): ThresholdsConfigBuilder {
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps(limits));
}

function steps(limits: Limits | undefined): Threshold[] {
  if (limits === undefined) return [{ value: null, color: 'green' }];
  const { warning, critical, worse = 'above' } = limits;
  return worse === 'above'
    ? [
        { value: null, color: 'green' },
        { value: warning, color: 'orange' },
        { value: critical, color: 'red' },
      ]
    : [
        { value: null, color: 'red' },
        { value: critical, color: 'orange' },
        { value: warning, color: 'green' },
      ];
}

/** One number, the newest, coloured by its limits. */
export function stat(panel: Common & { readonly expr: string }): PanelBuilderLike {
  const { title, description, unit, limits, width = 4, expr } = panel;
  const built = new StatBuilder()
    .title(title)
    .description(description)
    .datasource(datasource)
    .unit(grafanaUnit(unit))
    .thresholds(thresholds(limits))
    .colorMode(BigValueColorMode.Value)
    .graphMode(BigValueGraphMode.Area)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .noValue('no data')
    .height(4)
    .span(width)
    .withTarget(query({ expr }, 'A'));
  return unit === 'percentunit' ? built.decimals(2) : built;
}

/** Lines over time. */
export function lines(
  panel: Common & { readonly queries: readonly Query[]; readonly stacked?: true },
): PanelBuilderLike {
  const { title, description, unit, limits, width = 12, queries, stacked } = panel;
  const built = new TimeseriesBuilder()
    .title(title)
    .description(description)
    .datasource(datasource)
    .unit(grafanaUnit(unit))
    .thresholds(thresholds(limits))
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.PaletteClassic))
    .min(0)
    .lineWidth(1)
    .fillOpacity(stacked ? 40 : 8)
    .gradientMode(GraphGradientMode.None)
    .showPoints(VisibilityMode.Never)
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.Table)
        .placement(LegendPlacement.Bottom)
        .showLegend(true)
        .calcs(['lastNotNull', 'max']),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending))
    .height(8)
    .span(width);
  if (stacked) built.stacking(new StackingConfigBuilder().mode(StackingMode.Normal));
  for (const [index, one] of queries.entries()) built.withTarget(query(one, refIdOf(index)));
  return built;
}

/** The distribution of a classic histogram over time. @param expr rate of the buckets by `le` */
export function heatmap(panel: Common & { readonly expr: string }): PanelBuilderLike {
  const { title, description, unit, width = 12, expr } = panel;
  return new HeatmapBuilder()
    .title(title)
    .description(description)
    .datasource(datasource)
    .unit(grafanaUnit(unit))
    .calculate(false)
    .color(
      new HeatmapColorOptionsBuilder()
        .mode(HeatmapColorMode.Scheme)
        .scheme('Oranges')
        .fill('dark-orange')
        .exponent(0.5)
        .steps(64),
    )
    .height(8)
    .span(width)
    .withTarget(query({ expr, legend: '{{le}}' }, 'A').format(PromQueryFormat.Heatmap));
}

/** The newest value of each series as a row, its labels as columns. */
export function table(panel: Common & { readonly expr: string; readonly value: string }): PanelBuilderLike {
  const { title, description, unit, limits, width = 12, expr, value } = panel;
  return new TableBuilder()
    .title(title)
    .description(description)
    .datasource(datasource)
    .unit(grafanaUnit(unit))
    .thresholds(thresholds(limits))
    .filterable(true)
    .height(10)
    .span(width)
    .withTarget(query({ expr }, 'A').format(PromQueryFormat.Table).instant())
    .transformations([
      { id: 'organize', options: { excludeByName: { Time: true }, renameByName: { Value: value }, indexByName: {} } },
    ]);
}

/** One marker for each series, where its labels `latitude` and `longitude` say; its colour is the value. */
export function map(panel: Common & { readonly expr: string }): PanelBuilderLike {
  const { title, description, limits, width = 12, expr } = panel;
  const location = new FrameGeometrySourceBuilder()
    .mode(FrameGeometrySourceMode.Coords)
    .latitude('latitude')
    .longitude('longitude');
  const style = {
    color: { field: 'Value', fixed: 'green' },
    opacity: 0.8,
    size: { fixed: 9, min: 5, max: 15 },
    symbol: { mode: 'fixed', fixed: 'img/icons/marker/circle.svg' },
    text: { mode: 'field', field: 'cluster', fixed: '' },
    textConfig: { fontSize: 11, offsetX: 0, offsetY: -14, textAlign: 'center', textBaseline: 'middle' },
  };
  // Labels are text; a map wants numbers.
  const conversions = ['latitude', 'longitude'].map((targetField) => ({ targetField, destinationType: 'number' }));
  return new GeomapBuilder()
    .title(title)
    .description(description)
    .datasource(datasource)
    .thresholds(thresholds(limits))
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Thresholds))
    .view(new MapViewConfigBuilder().lat(30).lon(10).zoom(1.5))
    .basemap(new MapLayerOptionsBuilder().type('default').name('Basemap'))
    .layers([
      new MapLayerOptionsBuilder()
        .type('markers')
        .name('EdgeClusters')
        .config({ showLegend: false, style })
        .location(location)
        .tooltip(true),
    ])
    .height(10)
    .span(width)
    .withTarget(query({ expr }, 'A').format(PromQueryFormat.Table).instant())
    .transformations([{ id: 'convertFieldType', options: { fields: {}, conversions } }]);
}

/** p50, p90 and p99 of a classic histogram. @param selector labels to filter by, with braces, or nothing */
export function quantiles(metric: string, selector = ''): Query[] {
  return [0.5, 0.9, 0.99].map((quantile) => ({
    expr: `histogram_quantile(${quantile}, sum by (le) (rate(${metric}_bucket${selector}[$__rate_interval])))`,
    legend: `p${quantile * 100}`,
  }));
}
