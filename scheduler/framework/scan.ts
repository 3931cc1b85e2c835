import { FREE_ROW } from '../table/columns.ts';
import { hashString, mix } from '../table/hash.ts';
import { Candidates, type Candidate } from './candidates.ts';
import { weightsOf } from './objective.ts';
import type { Decision, Plugin, Reason, Score } from './plugin.ts';

export interface ScanOptions {
  /** Micro-currency per millisecond. */
  readonly valueOfTime: number;
  /** Of the tie-break. */
  readonly seed: number;
}

/** One row that fits, with the parts of its score by plugin. */
export interface ScoredCandidate extends Candidate {
  readonly milliseconds: number;
  readonly parts: readonly { readonly plugin: string; readonly micros: number }[];
}

export interface RejectCount {
  readonly plugin: string;
  readonly reason: Reason;
  /** Nodes. */
  readonly count: number;
}

export interface ScanResult {
  readonly nodes: number;
  readonly fitting: number;
  /** Each node once: by the plugin that its best device reached. In the order of the plugins. */
  readonly rejects: readonly RejectCount[];
  /** Best first, one per node. */
  readonly candidates: readonly ScoredCandidate[];
}

const CANDIDATES = 3;
const FITS = 255;

/**
 * Looks at every row: filters in order until one rejects, then the score. Exact, no sampling. The scan itself allocates
 * only for rows that enter the best three.
 */
export function scan(plugins: readonly Plugin[], decision: Decision, options: ScanOptions): ScanResult {
  const { fleet, columns, request } = decision;
  const { table } = fleet;
  const prepared = plugins.map((plugin) => ({ plugin: plugin.name, ...plugin.prepare(decision) }));
  const filters = prepared.flatMap(({ plugin, filter }) => (filter === undefined ? [] : [{ plugin, ...filter }]));
  const scores = prepared.flatMap(({ plugin, score }) => (score === undefined ? [] : [{ plugin, score }]));
  const tests = filters.map(({ test }) => test);
  /** Codes of all filters in one numbering that grows along the chain: the greater, the further a node came. */
  const reasons = filters.flatMap(({ plugin, reasons: own }) => own.map((reason) => ({ plugin, reason })));
  const offsets = filters.map((_, index) =>
    filters.slice(0, index).reduce((sum, filter) => sum + filter.reasons.length, 0),
  );

  const weights = weightsOf(request.strategy, options.valueOfTime);
  const balanced = weightsOf('BALANCED', options.valueOfTime);
  const salt = mix(hashString(`${request.workUid}/${request.attempt}`) ^ options.seed);
  const times = scores.filter(({ score }) => score.unit === 'milliseconds').map(({ score }) => score);
  const prices = scores.filter(({ score }) => score.unit === 'micros').map(({ score }) => score);

  const outcomes = new Uint8Array(table.nodeSlots);
  const best = new Candidates(CANDIDATES);
  for (let row = 0; row < table.rows; row++) {
    const nodeSlot = columns.node[row]!;
    if (nodeSlot === FREE_ROW) continue;
    const outcome = firstReject(tests, offsets, row);
    if (outcome > outcomes[nodeSlot]!) outcomes[nodeSlot] = outcome;
    if (outcome !== FITS) continue;
    const milliseconds = total(times, row);
    const micros = total(prices, row);
    const score = weights.price * micros + weights.time * milliseconds;
    if (!best.couldEnter(score)) continue;
    const secondary = balanced.price * micros + balanced.time * milliseconds;
    best.offer({ row, nodeSlot, score, secondary, tie: mix(columns.hash[row]! ^ salt) });
  }

  const counts = new Array<number>(FITS + 1).fill(0);
  for (const outcome of outcomes) counts[outcome]!++;
  const explain = (candidate: Candidate): ScoredCandidate => ({
    ...candidate,
    milliseconds: total(times, candidate.row),
    parts: scores.map(({ plugin, score }) => ({
      plugin,
      micros: score.of(candidate.row) * (score.unit === 'micros' ? weights.price : weights.time),
    })),
  });
  return {
    nodes: table.nodes,
    fitting: counts[FITS]!,
    rejects: reasons.map((entry, index) => ({ ...entry, count: counts[index + 1]! })).filter(({ count }) => count > 0),
    candidates: best.list.map(explain),
  };
}

function firstReject(tests: readonly ((row: number) => number)[], offsets: readonly number[], row: number): number {
  for (let index = 0; index < tests.length; index++) {
    const code = tests[index]!(row);
    if (code !== 0) return offsets[index]! + code;
  }
  return FITS;
}

function total(scores: readonly Score[], row: number): number {
  let sum = 0;
  for (let index = 0; index < scores.length; index++) sum += scores[index]!.of(row);
  return sum;
}
