import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { ServiceError } from './errors.ts';
import { nearest } from './nearest.ts';
import { environmentOf, flagOf, type Option, type OptionsOf, type OptionTable } from './options.ts';

/** Where values come from. Precedence: flags, environment, file, default. */
export interface OptionSources {
  /** By camelCase key. `true` is a boolean flag without a value. */
  readonly flags?: Readonly<Record<string, string | boolean | undefined>>;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly file?: ConfigFile;
}

/** A YAML mapping by camelCase key. */
export interface ConfigFile {
  readonly path: string;
  readonly text: string;
  /** The file is another program's: keys that the table lacks are let be. */
  readonly isShared?: boolean;
}

/** @throws ServiceError CONFIG_UNREADABLE */
export function readConfigFile(path: string): ConfigFile {
  try {
    return { path, text: readFileSync(path, 'utf8') };
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new ServiceError('CONFIG_UNREADABLE', `--config ${path}: ${why}; name a YAML file that can be read`, {
      cause,
    });
  }
}

/**
 * Reads the values of a table from all sources and checks them.
 *
 * An unknown environment variable is refused only when it looks like a slip of a known one: other programs and the
 * variables that Kubernetes makes for Services (`ISOCHRONE_SCHEDULER_PORT`) share the prefix.
 * @throws ServiceError OPTION_UNKNOWN, OPTION_INVALID, OPTION_MISSING, CONFIG_UNREADABLE
 */
export function loadOptions<T extends OptionTable>(table: T, sources: OptionSources): OptionsOf<T> {
  const { flags = {}, env = {}, file } = sources;
  const keys = Object.keys(table);
  refuseUnknown(Object.keys(flags), keys, (key) => `option ${flagOf(key)}`, flagOf);
  refuseSlips(env, keys.map(environmentOf));
  const document = file === undefined ? {} : mappingOf(file);
  if (file?.isShared !== true) {
    refuseUnknown(
      Object.keys(document),
      keys,
      (key) => `${file?.path ?? ''}: key ${JSON.stringify(key)}`,
      (key) => key,
    );
  }

  const values = Object.entries(table).map(([key, definition]) => {
    const [flag, variable] = [flagOf(key), environmentOf(key)];
    if (flags[key] !== undefined) return [key, check(definition, flags[key], flag)];
    // An empty variable is how a shell or a manifest says "not set".
    if (env[variable] !== undefined && env[variable] !== '') return [key, check(definition, env[variable], variable)];
    const fromFile = document[key];
    if (fromFile !== undefined && fromFile !== null)
      return [key, check(definition, fromFile, `${file?.path ?? ''}: ${key}`)];
    return [key, defaultOf(key, definition)];
  });
  return Object.fromEntries(values) as OptionsOf<T>;
}

function defaultOf(key: string, { kind, settings }: Option): unknown {
  if (settings.default !== undefined) return settings.default;
  if (settings.required) {
    throw new ServiceError(
      'OPTION_MISSING',
      `${flagOf(key)} is required (${settings.description}); give the flag, ${environmentOf(key)}, or "${key}" in the file of --config`,
    );
  }
  if (kind === 'boolean') return false;
  return kind === 'list' ? [] : undefined;
}

function refuseUnknown(
  given: readonly string[],
  known: readonly string[],
  describe: (key: string) => string,
  spell: (key: string) => string,
): void {
  for (const key of given) {
    if (known.includes(key)) continue;
    const near = nearest(key, known);
    const remedy =
      near === undefined ? `known are: ${known.map(spell).sort().join(', ')}` : `did you mean ${spell(near)}?`;
    throw new ServiceError('OPTION_UNKNOWN', `${describe(key)} does not exist; ${remedy}`);
  }
}

function refuseSlips(env: Readonly<Record<string, string | undefined>>, known: readonly string[]): void {
  for (const name of Object.keys(env)) {
    if (!name.startsWith('ISOCHRONE_') || known.includes(name)) continue;
    const short = name.slice('ISOCHRONE_'.length);
    const near = nearest(
      short,
      known
        .map((other) => other.slice('ISOCHRONE_'.length))
        .filter((other) => Math.abs(other.length - short.length) <= 2),
    );
    if (near !== undefined) {
      throw new ServiceError(
        'OPTION_UNKNOWN',
        `environment variable ${name} does not exist; did you mean ISOCHRONE_${near}?`,
      );
    }
  }
}

function mappingOf({ path, text }: ConfigFile): Record<string, unknown> {
  let document: unknown;
  try {
    document = parse(text);
  } catch (cause) {
    throw new ServiceError('CONFIG_UNREADABLE', `${path} is not YAML: ${(cause as Error).message}`, { cause });
  }
  if (document === null || document === undefined) return {};
  if (typeof document !== 'object' || Array.isArray(document)) {
    throw new ServiceError('CONFIG_UNREADABLE', `${path} holds no mapping; write one "key: value" per line`);
  }
  return document as Record<string, unknown>;
}

/** @param source how the place is called in messages */
function check(definition: Option, value: unknown, source: string): unknown {
  const invalid = (remedy: string): ServiceError =>
    new ServiceError('OPTION_INVALID', `${source} is ${JSON.stringify(value)}; ${remedy}`);
  switch (definition.kind) {
    case 'string': {
      if (typeof value !== 'string') throw invalid('write a string (in YAML, in quotes)');
      checkText(definition.settings, value, invalid);
      return value;
    }
    case 'integer': {
      const { minimum = Number.MIN_SAFE_INTEGER, maximum = Number.MAX_SAFE_INTEGER } = definition.settings;
      const number = typeof value === 'string' && /^-?\d{1,16}$/.test(value) ? Number(value) : value;
      if (!Number.isSafeInteger(number)) throw invalid('write an integer');
      if ((number as number) < minimum || (number as number) > maximum)
        throw invalid(`write an integer from ${minimum} to ${maximum}`);
      return number;
    }
    case 'boolean': {
      if (typeof value === 'boolean') return value;
      if (value === 'true' || value === 'false') return value === 'true';
      throw invalid('write true or false');
    }
    case 'list': {
      const items: unknown = typeof value === 'string' ? value.split(',').map((item) => item.trim()) : value;
      if (!Array.isArray(items) || !items.every((item) => typeof item === 'string' && item !== ''))
        throw invalid('write a list of strings (comma-separated outside YAML)');
      for (const item of items as string[]) checkText(definition.settings, item, invalid);
      return items;
    }
  }
}

function checkText(
  { choices, pattern }: { readonly choices?: readonly string[]; readonly pattern?: RegExp },
  value: string,
  invalid: (remedy: string) => ServiceError,
): void {
  if (choices !== undefined && !choices.includes(value)) throw invalid(`choose one of: ${choices.join(', ')}`);
  if (pattern !== undefined && !isWhole(pattern, value)) throw invalid(`it must match ${String(pattern)}`);
}

/** Anchored, because the first match of an alternative may be shorter than one that takes all: `(G|Gi)?` of `1Gi`. */
function isWhole({ source, flags }: RegExp, value: string): boolean {
  return new RegExp(`^(?:${source})$`, flags).test(value);
}
