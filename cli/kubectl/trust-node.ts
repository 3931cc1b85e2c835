import { edgeNamespace, inferenceNodeResource, type Condition } from '@isochrone/api';
import { ApiError, findCondition, setCondition, type ApiClient } from '@isochrone/kube';
import { CliError } from '../errors.ts';
import { findTarget, parseTarget } from './targets.ts';

/** What was asked for, and what came of it. */
export interface TrustResult {
  /** `inferencenode.isochrone.dev/NAME`. */
  readonly object: string;
  readonly cluster: string;
  readonly trusted: true;
  /** False when it was not in quarantine. */
  readonly changed: boolean;
}

const tries = 5;

/**
 * The conditions of a node that is trusted again; what was proven against it stays to be read.
 * @param now milliseconds since 1970
 * @returns undefined when it is not in quarantine
 */
export function trustedAgain(conditions: readonly Condition[], now: number): readonly Condition[] | undefined {
  const found = findCondition(conditions, 'Trusted');
  if (found?.status !== 'False') return undefined;
  const message = `given back by an administrator after: ${found.message}`.slice(0, 4096);
  const { observedGeneration } = found;
  return setCondition(
    conditions,
    {
      ...{ type: 'Trusted', status: 'True', reason: 'NoEvidenceAgainst', message },
      ...(observedGeneration === undefined ? {} : { observedGeneration }),
    },
    now,
  );
}

/** Lets a node that was quarantined have work again. @throws CliError USAGE, NOT_FOUND; ApiError */
export async function trustNode(client: ApiClient, text: string, now: number): Promise<TrustResult> {
  if (parseTarget(text).kind === 'Cluster')
    throw new CliError('USAGE', `${text} is a member; it is nodes that are trusted or not: write NODE or CLUSTER/NODE`);
  const target = await findTarget(client, text);
  const cluster = target.kind === 'Node' ? target.cluster : target.name;
  const ref = { namespace: edgeNamespace(cluster), name: target.name };
  const result = { object: `inferencenode.isochrone.dev/${target.name}`, cluster, trusted: true } as const;
  for (let attempt = 1; ; attempt++) {
    const { metadata, status } = await client.get(inferenceNodeResource, ref);
    const conditions = trustedAgain(status?.conditions ?? [], now);
    if (conditions === undefined) return { ...result, changed: false };
    const patch = {
      metadata: { resourceVersion: metadata.resourceVersion! },
      status: { conditions: [...conditions] },
    };
    try {
      await client.mergePatch(inferenceNodeResource, ref, patch, { subresource: 'status' });
      return { ...result, changed: true };
    } catch (error) {
      // The operator writes the same list.
      if (!(error instanceof ApiError && error.isConflict) || attempt === tries) throw error;
    }
  }
}
