import { inferenceModelResource, type InferenceModel } from '@isochrone/api';
import { findCondition, isConditionTrue, type ApiClient } from '@isochrone/kube';
import { CliError } from '../errors.ts';
import { followUntil } from './live.ts';
import { pickVersion, readModel, type ModelRef } from './model-ref.ts';

export interface Approval {
  readonly model: string;
  readonly version: string;
  /** What a record is paid by from now on. */
  readonly referenceNanosecondsPerRecord: number;
  readonly changed: boolean;
}

export interface ApproveOptions {
  /** Waits until a trusted node has measured it, at most so long; 0 does not wait. */
  readonly waitMilliseconds: number;
  readonly onWait?: (message: string) => void;
}

/**
 * Takes the reference cost that a trusted node measured into the spec, which is the administrator's word that it is right.
 * @throws CliError USAGE, NOT_FOUND, NOT_READY; ApiError
 */
export async function approveModel(client: ApiClient, ref: ModelRef, options: ApproveOptions): Promise<Approval> {
  let model = await readModel({ client }, ref.name);
  const { version, sha256 } = pickVersion(model, ref);
  if (options.waitMilliseconds > 0) model = await untilMeasured(client, model, version, options);
  const index = model.spec.versions.findIndex((one) => one.version === version);
  const status = model.status?.versions?.find((one) => one.version === version);
  const proposed = status?.proposedReferenceNanosecondsPerRecord;
  if (proposed === undefined || !isConditionTrue(status?.conditions, 'Admitted')) {
    throw new CliError('NOT_READY', `${ref.name}:${version} was not measured yet (${whatItWaitsFor(model, version)})`);
  }
  const approved = { model: ref.name, version, referenceNanosecondsPerRecord: proposed };
  if (model.spec.versions[index]?.referenceNanosecondsPerRecord === proposed) return { ...approved, changed: false };
  const path = `/spec/versions/${index}`;
  await client.jsonPatch(inferenceModelResource, { name: ref.name }, [
    // The position may be another's by now: the bytes that were measured are what is approved.
    { op: 'test', path: `${path}/sha256`, value: sha256 },
    { op: 'add', path: `${path}/referenceNanosecondsPerRecord`, value: proposed },
  ]);
  return { ...approved, changed: true };
}

async function untilMeasured(
  client: ApiClient,
  first: InferenceModel,
  version: string,
  { waitMilliseconds, onWait = () => undefined }: ApproveOptions,
): Promise<InferenceModel> {
  let latest = first;
  const models = { resource: inferenceModelResource, fieldSelector: `metadata.name=${first.metadata.name}` };
  await followUntil(client, { models }, { timeoutMilliseconds: waitMilliseconds }, ({ models: [model] }) => {
    latest = model ?? latest;
    onWait(whatItWaitsFor(latest, version));
    const status = latest.status?.versions?.find((one) => one.version === version);
    return isConditionTrue(status?.conditions, 'Admitted');
  });
  return latest;
}

function whatItWaitsFor({ status }: InferenceModel, version: string): string {
  const conditions = status?.versions?.find((one) => one.version === version)?.conditions;
  const admitted = findCondition(conditions, 'Admitted');
  return admitted === undefined ? 'the operator has not looked at it yet' : `${admitted.reason}: ${admitted.message}`;
}
