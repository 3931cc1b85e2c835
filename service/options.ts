interface Common<T> {
  /** One sentence for `--help`. */
  readonly description: string;
  readonly default?: T;
  readonly required?: true;
}

export interface StringSettings extends Common<string> {
  readonly choices?: readonly string[];
  /** The whole value must match. */
  readonly pattern?: RegExp;
}

export interface IntegerSettings extends Common<number> {
  readonly minimum?: number;
  readonly maximum?: number;
}

export interface ListSettings extends Common<readonly string[]> {
  readonly choices?: readonly string[];
  /** Each whole value must match. */
  readonly pattern?: RegExp;
}

/** One setting of a program. `T` is what the program gets: `undefined` is in it unless there is a default or it is required. */
export type Option<T = unknown> = (
  | { readonly kind: 'string'; readonly settings: StringSettings }
  | { readonly kind: 'integer'; readonly settings: IntegerSettings }
  | { readonly kind: 'boolean'; readonly settings: Common<boolean> }
  | { readonly kind: 'list'; readonly settings: ListSettings }
) & {
  /** Never set: it carries the type. */
  readonly type?: T;
};

export type OptionTable = Readonly<Record<string, Option>>;

type Present<S, T> = S extends { default: unknown } | { required: true } ? T : T | undefined;
type Chosen<S> = S extends { choices: readonly (infer C extends string)[] } ? C : string;

/** Builds the options of a table. */
export const option = {
  string: <const S extends StringSettings>(settings: S): Option<Present<S, Chosen<S>>> => ({
    kind: 'string',
    settings,
  }),
  integer: <const S extends IntegerSettings>(settings: S): Option<Present<S, number>> => ({
    kind: 'integer',
    settings,
  }),
  /** False when it is given nowhere and has no default. */
  boolean: (settings: Common<boolean>): Option<boolean> => ({ kind: 'boolean', settings }),
  /** Comma-separated in flags and environment; a list in YAML. Empty when it is given nowhere and has no default. */
  list: <const S extends ListSettings>(settings: S): Option<readonly Chosen<S>[]> => ({ kind: 'list', settings }),
};

/**
 * Declares the options of a program. The camelCase key `k` is the flag `--kebab-case`, the environment variable
 * `ISOCHRONE_UPPER_SNAKE` and the YAML key `k`.
 */
export function defineOptions<const T extends OptionTable>(table: T): T {
  return table;
}

/** The values of a table. */
export type OptionsOf<T extends OptionTable> = {
  readonly [K in keyof T]: T[K] extends Option<infer V> ? V : never;
};

/** `metricsAddress` → `--metrics-address`. */
export function flagOf(key: string): string {
  return `--${words(key).join('-')}`;
}

/** `metricsAddress` → `ISOCHRONE_METRICS_ADDRESS`. */
export function environmentOf(key: string): string {
  return `ISOCHRONE_${words(key).join('_').toUpperCase()}`;
}

function words(key: string): string[] {
  return key.split(/(?=[A-Z])/).map((word) => word.toLowerCase());
}
