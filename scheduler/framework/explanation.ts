import type { ScanResult } from './scan.ts';

/**
 * Bounds of `status.scheduling` in crds/isochrone.dev_inferencejobs.yaml. The number of plugins and reasons keeps the lists
 * within theirs.
 */
const LONGEST_REASON = 256;

export interface Explanation {
  readonly message: string;
  readonly nodesEvaluated: number;
  readonly resolvable: boolean;
  readonly rejects: readonly {
    readonly plugin: string;
    readonly reason: string;
    /** Of the reason; for metrics; not sent. */
    readonly name: string;
    readonly count: number;
  }[];
}

/** Why a decision fell as it did, in bounded size: counts per plugin, never a list of nodes. */
export function explain({ nodes, fitting, rejects }: ScanResult): Explanation {
  const byPlugin = new Map<string, number>();
  for (const { plugin, count } of rejects) byPlugin.set(plugin, (byPlugin.get(plugin) ?? 0) + count);
  const parts = [...byPlugin].sort(([, a], [, b]) => b - a).map(([plugin, count]) => `${count} ${plugin}`);
  const message =
    nodes === 0
      ? '0/0 nodes fit: no edge cluster has a node yet'
      : `${fitting}/${nodes} nodes fit${parts.length === 0 ? '' : `: ${parts.join(', ')}`}`;
  return {
    message,
    nodesEvaluated: nodes,
    // A node that only capacity or readiness keeps away shows that the request itself can be met.
    resolvable: nodes === 0 || fitting > 0 || rejects.some(({ reason }) => reason.code === 'Unschedulable'),
    rejects: rejects.map(({ plugin, reason, count }) => ({
      plugin,
      reason: shorten(reason.text),
      name: reason.name,
      count,
    })),
  };
}

function shorten(text: string): string {
  return text.length <= LONGEST_REASON ? text : `${text.slice(0, LONGEST_REASON - 1)}…`;
}
