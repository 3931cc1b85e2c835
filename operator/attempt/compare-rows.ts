import type { RecordLayout } from '@isochrone/tensor';
import {
  compareRecords,
  modelTolerance,
  type ClassRelation,
  type ComparedModel,
  type Outcome,
} from '@isochrone/verification';
import { readRows, type RowRef } from './row-reader.ts';
import { namedTensors } from './window.ts';

/** Rows to compare: the same record in two executions, each as it was delivered. */
export interface RowPair {
  readonly reference: RowRef & { readonly layout: RecordLayout };
  readonly candidate: RowRef & { readonly layout: RecordLayout };
}

export interface RowComparisons {
  readonly outcomes: readonly Outcome[];
  /** The worst row, for people. */
  readonly message: string;
}

/**
 * Compares row by row within the tolerance of the model, holding one block of each side.
 * @throws OperatorError STORAGE_*
 */
export async function compareRows(
  pairs: readonly RowPair[],
  model: ComparedModel,
  relation: ClassRelation,
  signal?: AbortSignal,
): Promise<RowComparisons> {
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
      namedTensors(pair.reference.layout, reference),
      namedTensors(pair.candidate.layout, candidate),
      (dataType) => modelTolerance(model, dataType, relation),
    );
    if (severity[outcome] > severity[worst.outcome]) {
      const distances = Object.values(outputs).map(({ relativeL2 }) => relativeL2);
      const distance = distances.length === 0 ? '' : `, relative L2 ${Math.max(...distances).toExponential(2)}`;
      worst = { outcome, message: `row ${outcomes.length} of the sample: ${reason}${distance}` };
    }
    outcomes.push(outcome);
  }
  return { outcomes, message: worst.message };
}

const severity: Readonly<Record<Outcome, number>> = { pass: 0, inconclusive: 1, fail: 2 };
