import { comparisonKey, type DeliveredObject, type SampledRows } from './observed.ts';

/** A run of shards that becomes one task. */
export interface ShardGroup {
  readonly shards: readonly { readonly index: number; readonly firstRecord: number; readonly records: number }[];
  /** `cluster/node` on which a shard of it failed, oldest first. */
  readonly excludedNodes: readonly string[];
  /** Providers that blamed model or input for a shard of it; asked again only where no other has such a node. */
  readonly excludedProviders: readonly string[];
}

/** What the shell is to do. Each is idempotent: a crash before, within or after it leaves nothing that a later run cannot finish. */
export type Action =
  | { readonly type: 'AddFinalizer' }
  | { readonly type: 'RemoveFinalizer' }
  /** In the background: look at the input and the output. */
  | { readonly type: 'Admit' }
  /** Bind each group to a node and hold its pay. `available`: micro-currency that may be held. */
  | { readonly type: 'Place'; readonly groups: readonly ShardGroup[]; readonly available: bigint }
  /** Bind a re-execution and hold its pay. */
  | {
      readonly type: 'PlaceVerification';
      readonly primary: number;
      readonly records: number;
      readonly needs: 'Independent' | 'Trusted';
      readonly excludedClusters: readonly string[];
      readonly excludedProviders: readonly string[];
      readonly excludedNodes: readonly string[];
      readonly available: bigint;
    }
  /** In the background: write the sampled rows among others. */
  | { readonly type: 'Compose'; readonly attempt: number }
  | { readonly type: 'CreateTask'; readonly attempt: number }
  | { readonly type: 'WriteSecret'; readonly attempt: number }
  | { readonly type: 'LookUpTask'; readonly attempt: number }
  | { readonly type: 'CheckReceipt'; readonly attempt: number }
  /** Acknowledge and, where rows are drawn, challenge in one patch. */
  | { readonly type: 'Challenge'; readonly attempt: number; readonly sample: number | 'All' }
  /** In the background. */
  | { readonly type: 'FetchEvidence'; readonly attempt: number; readonly rows: SampledRows }
  /** In the background: is the input still what was admitted? */
  | { readonly type: 'CheckInput' }
  /** In the background: the delivered rows of two attempts at the sample of `primary`. */
  | { readonly type: 'Compare'; readonly primary: number; readonly reference: number; readonly candidate: number }
  | { readonly type: 'Release'; readonly attempt: number; readonly outputs: readonly DeliveredObject[] | undefined }
  | { readonly type: 'Refund'; readonly attempt: number; readonly reason: string; readonly charged: boolean }
  | { readonly type: 'Quarantine'; readonly cluster: string; readonly node: string; readonly message: string }
  | { readonly type: 'DeleteTask'; readonly attempt: number }
  /** In the background, best effort: delete what attempts wrote that nobody reads. */
  | { readonly type: 'RemoveObjects'; readonly attempts: readonly number[]; readonly inputCopy: boolean }
  /** In the background: has the job committed a result that the backup it was restored from does not know? */
  | { readonly type: 'FindManifest' }
  /** In the background. */
  | { readonly type: 'WriteManifest' };

/** Names an action among those of its job, also while it runs in the background. */
export function actionKey(action: Action): string {
  if (action.type === 'Compare') return `Compare/${comparisonKey(action.reference, action.candidate)}`;
  if (action.type === 'PlaceVerification') return `${action.type}/${action.primary}`;
  if (action.type === 'Quarantine') return `${action.type}/${action.cluster}/${action.node}`;
  return 'attempt' in action ? `${action.type}/${action.attempt}` : action.type;
}
