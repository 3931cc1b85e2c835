import { parseDataType } from '@isochrone/tensor';
import {
  compareRecords,
  defaultTolerance,
  type ClassRelation,
  type Outcome,
  type Tolerance,
} from '@isochrone/verification';
import type { ModelVersion } from '../job/observed.ts';
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

const profiles = { FP32Strict: 'fp32-strict', FP32: 'tf32' } as const;

/** The model's own tolerance where it has one; what it leaves out follows its numeric profile. */
export function toleranceOf(
  { numericProfile, tolerance }: Pick<ModelVersion, 'numericProfile' | 'tolerance'>,
  relation: ClassRelation,
): Tolerance {
  const base = defaultTolerance(profiles[numericProfile], relation);
  const relativeL2 = tolerance?.relativeL2 === undefined ? base.relativeL2 : Number(tolerance.relativeL2);
  return {
    ...base,
    relativeL2,
    absolute: tolerance?.absolute === undefined ? base.absolute : Number(tolerance.absolute),
    relative: tolerance?.relative === undefined ? base.relative : Number(tolerance.relative),
    // The angle that an error of this size makes (verification/tolerance.ts).
    cosineDistance: Math.max(base.cosineDistance, relativeL2 ** 2),
  };
}

/** Compares row by row, holding one block of each side. @throws OperatorError STORAGE_* */
export async function compareRows(
  pairs: readonly RowPair[],
  dataType: string,
  tolerance: Tolerance,
  signal?: AbortSignal,
): Promise<RowComparisons> {
  const dtype = parseDataType(dataType);
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
