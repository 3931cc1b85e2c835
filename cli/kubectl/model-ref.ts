import { inferenceModelResource, type InferenceModel } from '@isochrone/api';
import { CliError } from '../errors.ts';
import { findObject, type Connection } from './connection.ts';

/** A version of a model as it is written on a command line: `NAME:VERSION`. */
export interface ModelRef {
  readonly name: string;
  /** Absent: it must be clear which is meant. */
  readonly version?: string;
}

/** @throws CliError USAGE */
export function parseModelRef(text: string): ModelRef {
  const match =
    /^(?:(?:model|infm|inferencemodels?(?:\.isochrone\.dev)?)\/)?([a-z0-9](?:[-.a-z0-9]*[a-z0-9])?)(?::(.+))?$/.exec(
      text,
    );
  if (match === null) throw new CliError('USAGE', `${JSON.stringify(text)} names no model; write NAME or NAME:VERSION`);
  return { name: match[1]!, ...(match[2] === undefined ? {} : { version: match[2] }) };
}

type Version = InferenceModel['spec']['versions'][number];

/**
 * The version that is meant; without one in the text the only one there is.
 * @throws CliError USAGE, NOT_FOUND
 */
export function pickVersion({ metadata, spec }: InferenceModel, { version }: ModelRef): Version {
  const known = spec.versions.map((one) => one.version).join(', ');
  if (version === undefined) {
    if (spec.versions.length === 1) return spec.versions[0]!;
    throw new CliError('USAGE', `InferenceModel ${metadata.name} has several versions; add one of them: ${known}`);
  }
  const found = spec.versions.find((one) => one.version === version);
  if (found !== undefined) return found;
  throw new CliError('NOT_FOUND', `InferenceModel ${metadata.name} has no version ${version}; it has ${known}`);
}

/** @throws CliError NOT_FOUND; ApiError */
export async function readModel({ client }: Pick<Connection, 'client'>, name: string): Promise<InferenceModel> {
  const model = await findObject(client, inferenceModelResource, { name });
  if (model !== undefined) return model;
  throw new CliError('NOT_FOUND', `there is no InferenceModel ${name}; kubectl get inferencemodels lists them`);
}
