import type { EdgeCluster } from '@isochrone/api';
import { findCondition, type Informer } from '@isochrone/kube';

/** Whether work of members that are unreachable is left where it is. */
export interface Brake {
  /** Members that the hub does not hear, of those that it heard some time. */
  readonly unreachable: number;
  readonly known: number;
  /** Until then nothing is placed elsewhere, milliseconds since 1970; undefined where too few are away, or too few are known to tell. */
  readonly heldUntil: number | undefined;
}

/** Of few members, several may well fail by chance. */
const leastMembers = 5;
/** As the node lifecycle controller of Kubernetes has it: `--unhealthy-zone-threshold`. */
const largeShare = 0.55;
/** After the last one vanished. By then somebody was told by an alert; and work must not wait for ever for members that are gone. */
const holdMilliseconds = 600_000;

/**
 * When most members vanish together, what fails is more likely the hub or its network than each of them: to place all their
 * work elsewhere would only run it twice, and swamp those that are left.
 */
export function decideBrake(clusters: readonly EdgeCluster[]): Brake {
  let known = 0;
  const since: number[] = [];
  for (const cluster of clusters) {
    const at = unreachableSince(cluster);
    if (at !== undefined) since.push(at);
    if (at !== undefined || isHeard(cluster)) known += 1;
  }
  const isLarge = known >= leastMembers && since.length / known > largeShare;
  const heldUntil = isLarge ? Math.max(...since) + holdMilliseconds : undefined;
  return { unreachable: since.length, known, heldUntil };
}

/** Since when the hub has not heard the member, milliseconds since 1970. What an administrator has put out is not away: it is gone. */
export function unreachableSince({ metadata, status }: EdgeCluster): number | undefined {
  const ready = findCondition(status?.conditions, 'Ready');
  if (ready?.reason !== 'Unreachable' || metadata.deletionTimestamp !== undefined) return undefined;
  return Date.parse(ready.lastTransitionTime);
}

const heardReasons = new Set<string | undefined>(['LeaseRenewed']);

function isHeard({ metadata, status }: EdgeCluster): boolean {
  return (
    metadata.deletionTimestamp === undefined && heardReasons.has(findCondition(status?.conditions, 'Ready')?.reason)
  );
}

/** The brake over the members as they are now; decided anew only after one of them changed. */
export class EvictionBrake {
  readonly #clusters: Pick<Informer<EdgeCluster>, 'list' | 'onChange'>;
  #brake: Brake | undefined;

  constructor(clusters: Pick<Informer<EdgeCluster>, 'list' | 'onChange'>) {
    this.#clusters = clusters;
    clusters.onChange(() => (this.#brake = undefined));
  }

  get current(): Brake {
    this.#brake ??= decideBrake(this.#clusters.list());
    return this.#brake;
  }
}
