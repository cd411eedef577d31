// What a dashboard of ours may contain: Grafana's own types, so that a misspelled or misplaced field does not compile.
import type { Dashboard, DataQuery, FieldConfig, FieldConfigSource, Panel } from "@grafana/schema";
import type { Options as StatOptions } from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type { Options as TextOptions } from "@grafana/schema/dist/esm/raw/composable/text/panelcfg/x/TextPanelCfg_types.gen";
import type {
  FieldConfig as TimeSeriesFieldConfig,
  Options as TimeSeriesOptions,
} from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";

// JSON has the values of enums, not their names.
type Json<T> = T extends string
  ? `${T}`
  : T extends (infer Element)[]
    ? Json<Element>[]
    : T extends object
      ? { [Key in keyof T]: Json<T[Key]> }
      : T;

// Queries, options and custom fields are open in Grafana's type of a panel: each kind of panel and of source has its own.
type Query = DataQuery & { expr: string; legendFormat: string; range: boolean; instant: boolean };

type PanelOf<Kind, Options, Custom> = Omit<Panel, "type" | "options" | "targets" | "fieldConfig"> & {
  type: Kind;
  options: Options;
  targets?: Query[];
  fieldConfig?: Omit<FieldConfigSource, "defaults"> & { defaults: Omit<FieldConfig, "custom"> & { custom?: Custom } };
};

type OurPanel =
  | PanelOf<"timeseries", TimeSeriesOptions, TimeSeriesFieldConfig>
  | PanelOf<"stat", StatOptions, never>
  | PanelOf<"text", TextOptions, never>;

export type OurDashboard = Json<Omit<Dashboard, "panels"> & { panels: OurPanel[] }>;
