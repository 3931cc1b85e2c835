import type { InferenceNode, InferenceModel, NodeReportSpec } from '@isochrone/api';
import { deviceClassFactor } from '@isochrone/latency';

type Models = NonNullable<NonNullable<InferenceNode['status']>['models']>;

/**
 * How many times faster than its class of device a node is believed to be. The factors of the classes are orders of
 * magnitude, so that an honest device may well be several times better; a claim beyond that buys no more work.
 */
const fastestOfItsClass = 8;

/** By SHA-256 of a model that the hub knows: approved reference nanoseconds per record, undefined before approval. */
export type ModelReferences = ReadonlyMap<string, number | undefined>;

export function modelReferences(models: Iterable<InferenceModel>): ModelReferences {
  const references = new Map<string, number | undefined>();
  for (const { spec } of models) {
    for (const version of spec.versions) {
      const known = references.get(version.sha256);
      references.set(version.sha256, known ?? version.referenceNanosecondsPerRecord);
    }
  }
  return references;
}

/**
 * What of a node's own measurements counts. Work goes where it is fast, so that a node gains by calling itself fast: a time
 * counts only down to what the approved reference and the class of the node's best device bear out. A node that calls itself
 * slow is believed. Models that the hub does not know are left out, and so is a time that no reference can be held against.
 */
export function believedModels(
  { models = [], inventory }: Pick<NodeReportSpec, 'models' | 'inventory'>,
  references: ModelReferences,
): Models {
  const factors = inventory.devices.flatMap(({ executionProviders }) => executionProviders.map(deviceClassFactor));
  const fastest = Math.min(...factors) / fastestOfItsClass;
  return models
    .filter(({ sha256 }) => references.has(sha256))
    .map(({ nanosecondsPerRecord, ...model }) => {
      const reference = references.get(model.sha256);
      if (nanosecondsPerRecord === undefined || reference === undefined) return model;
      return { ...model, nanosecondsPerRecord: Math.max(nanosecondsPerRecord, Math.ceil(reference * fastest)) };
    });
}
