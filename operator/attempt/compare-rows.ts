import { parseDataType } from '@isochrone/tensor';
import {
  compareRecords,
  modelTolerance,
  type ClassRelation,
  type ComparedModel,
  type Outcome,
} from '@isochrone/verification';
import { readRows, type RowRef } from './row-reader.ts';

/** Rows to compare: the same record in two executions, each with the shape it was delivered in. */
export interface RowPair {
  readonly reference: RowRef & { readonly shape: readonly number[] };
  readonly candidate: RowRef & { readonly shape: readonly number[] };
}

export interface RowComparisons {
  readonly outcomes: readonly Outcome[];
  /** The worst row, for people. */
  readonly message: string;
}

/**
 * Compares row by row within the tolerance of the model, holding one block of each side.
 * @param dataType of the output
 * @throws OperatorError STORAGE_*
 */
export async function compareRows(
  pairs: readonly RowPair[],
  dataType: string,
  model: ComparedModel,
  relation: ClassRelation,
  signal?: AbortSignal,
): Promise<RowComparisons> {
  const dtype = parseDataType(dataType);
  const tolerance = modelTolerance(model, dtype, relation);
  const candidates = readRows(
    pairs.map(({ candidate }) => candidate),
    signal,
  );
  const outcomes: Outcome[] = [];
  let worst: { outcome: Outcome; message: string } = { outcome: 'pass', message: 'every row agrees' };
  for await (const reference of readRows(
    pairs.map((pair) => pair.reference),
    signal,
  )) {
    const pair = pairs[outcomes.length]!;
    const candidate = (await candidates.next()).value!;
    const { outcome, reason, outputs } = compareRecords(
      [{ name: 'output', tensor: { dtype, shape: pair.reference.shape, data: reference } }],
      [{ name: 'output', tensor: { dtype, shape: pair.candidate.shape, data: candidate } }],
      tolerance,
    );
    if (severity[outcome] > severity[worst.outcome]) {
      const figures = outputs['output'];
      const distance = figures === undefined ? '' : `, relative L2 ${figures.relativeL2.toExponential(2)}`;
      worst = { outcome, message: `row ${outcomes.length} of the sample: ${reason}${distance}` };
    }
    outcomes.push(outcome);
  }
  return { outcomes, message: worst.message };
}

const severity: Readonly<Record<Outcome, number>> = { pass: 0, inconclusive: 1, fail: 2 };
