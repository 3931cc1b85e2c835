import { isDeepStrictEqual } from 'node:util';
import type { Secret } from '@isochrone/kube';
import { originOf } from './copy.ts';

/** What the shell has seen of one storage Secret on both sides. */
export interface ObservedSecret {
  readonly hub: Secret | undefined;
  readonly copy: Secret | undefined;
  /** Whether a hub task reads its URLs from it. No other Secret of the hub leaves it. */
  readonly isWanted: boolean;
  /** Whether a copy of a task on the member still does. */
  readonly isInUse: boolean;
}

export type SecretAction = 'Create' | 'Update' | 'Delete' | 'Stranger' | 'None';

export function decideSecret({ hub, copy, isWanted, isInUse }: ObservedSecret): SecretAction {
  const origin = copy === undefined ? undefined : originOf(copy);
  if (hub === undefined || !isWanted) return origin !== undefined && !isInUse ? 'Delete' : 'None';
  if (copy === undefined) return 'Create';
  if (origin === undefined) return 'Stranger';
  // Another object under the same name: a Secret cannot change its origin, only be made anew.
  if (origin !== hub.metadata.uid) return 'Delete';
  return isDeepStrictEqual(copy.data, hub.data) ? 'None' : 'Update';
}
