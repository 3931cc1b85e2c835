import type { InferenceJobStatus } from '@isochrone/api';
import { formatTime } from '@isochrone/kube';
import { formatMoney } from '@isochrone/ledger';
import type { Explanation } from '../scheduler-client.ts';

/** The scheduler's explanation within the bounds of the status. */
export function schedulingOf({
  explanation,
  at,
}: {
  readonly explanation: Explanation;
  readonly at: number;
}): NonNullable<InferenceJobStatus['scheduling']> {
  return {
    time: formatTime(at),
    message: explanation.message.slice(0, 1024),
    nodesEvaluated: explanation.nodesEvaluated,
    rejects: explanation.rejects
      .filter(({ count }) => count > 0)
      .slice(0, 32)
      .map(({ plugin, reason, count }) => ({ plugin: plugin.slice(0, 64), reason: reason.slice(0, 256), count })),
    candidates: explanation.candidates.slice(0, 3).map(({ cluster, node, predictedMilliseconds, price, scores }) => ({
      cluster,
      node,
      predictedMilliseconds,
      price: formatMoney(BigInt(price)),
      scores: scores.slice(0, 16).map(({ plugin, micros }) => ({ plugin: plugin.slice(0, 64), micros })),
    })),
  };
}
