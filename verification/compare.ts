import { dataTypeInfo, typedView, type DataType, type Tensor } from '@isochrone/tensor';
import { measureFloats, type FloatFigures } from './float-figures.ts';
import type { NamedTensor } from './tensor-digest.ts';
import type { Tolerance } from './tolerance.ts';

/** Inconclusive is never punished. */
export type Outcome = 'pass' | 'inconclusive' | 'fail';

export type ComparisonReason =
  | 'Equal'
  | 'WithinTolerance'
  | 'BeyondTolerance'
  | 'FarBeyondTolerance'
  | 'Top1Differs'
  | 'ExactMismatch'
  | 'NonFiniteMismatch'
  | 'ShapeMismatch'
  | 'DatatypeMismatch'
  | 'OutputsMismatch';

/** Measured figures of one output, kept as evidence. All zero, and 1, where nothing was measured because shapes or bits decided. */
export interface TensorComparison extends FloatFigures {
  readonly outcome: Outcome;
  readonly reason: ComparisonReason;
}

/** The worst of its outputs. */
export interface RecordComparison {
  readonly outcome: Outcome;
  readonly reason: ComparisonReason;
  readonly outputs: Readonly<Record<string, TensorComparison>>;
}

/** Between the tolerance and this many times it lies what neither proves nor disproves the work. */
const FAIL_FACTOR = 10;

/** Share of elements that must be within the element-wise bound: cancellation near zero throws off single elements. */
const ELEMENTS_WITHIN = 0.999;

const NOTHING_MEASURED: FloatFigures = {
  relativeL2: 0,
  maxAbsolute: 0,
  elementsWithin: 1,
  cosineDistance: 0,
  top1: 'notApplicable',
  top1Margin: 0,
};

/** Compares one output of two executions; see {@link Tolerance}. */
export function compareTensors(reference: Tensor, candidate: Tensor, tolerance: Tolerance): TensorComparison {
  const decided = (outcome: Outcome, reason: ComparisonReason) => ({ outcome, reason, ...NOTHING_MEASURED });
  if (reference.dtype !== candidate.dtype) return decided('fail', 'DatatypeMismatch');
  if (!sameShape(reference.shape, candidate.shape)) return decided('fail', 'ShapeMismatch');
  if (Buffer.compare(reference.data, candidate.data) === 0) return decided('pass', 'Equal');
  if (dataTypeInfo(reference.dtype).kind !== 'float') return decided('fail', 'ExactMismatch');

  const lastAxis = reference.shape.at(-1) ?? 1;
  const figures = measureFloats(floats(reference), floats(candidate), lastAxis, tolerance);
  if (figures === 'NonFiniteMismatch') return decided('fail', 'NonFiniteMismatch');
  return { ...judge(figures, tolerance), ...figures };
}

/** Each output is compared by the tolerance of its data type. */
export type ToleranceOf = (dataType: DataType) => Tolerance;

/** Compares all outputs of a record by name. */
export function compareRecords(
  reference: readonly NamedTensor[],
  candidate: readonly NamedTensor[],
  tolerance: ToleranceOf,
): RecordComparison {
  const candidates = new Map(candidate.map(({ name, tensor }) => [name, tensor]));
  const names = new Set(reference.map(({ name }) => name));
  const complete =
    candidates.size === candidate.length && names.size === reference.length && names.size === candidates.size;
  if (!complete || ![...names].every((name) => candidates.has(name))) {
    return { outcome: 'fail', reason: 'OutputsMismatch', outputs: {} };
  }
  const compared = reference.map(
    ({ name, tensor }) => [name, compareTensors(tensor, candidates.get(name)!, tolerance(tensor.dtype))] as const,
  );
  const severity: readonly Outcome[] = ['pass', 'inconclusive', 'fail'];
  let worst: Pick<TensorComparison, 'outcome' | 'reason'> = { outcome: 'pass', reason: 'Equal' };
  for (const [, { outcome, reason }] of compared) {
    const worse = severity.indexOf(outcome) - severity.indexOf(worst.outcome);
    if (worse > 0 || (worse === 0 && worst.reason === 'Equal')) worst = { outcome, reason };
  }
  return { ...worst, outputs: Object.fromEntries(compared) };
}

/** Only the norm and a clear flip of the answer can fail: single elements and the angle are too easily thrown off. */
function judge(figures: FloatFigures, tolerance: Tolerance): Pick<TensorComparison, 'outcome' | 'reason'> {
  const { relativeL2, elementsWithin, cosineDistance, top1, top1Margin } = figures;
  if (relativeL2 > FAIL_FACTOR * tolerance.relativeL2) return { outcome: 'fail', reason: 'FarBeyondTolerance' };
  if (top1 === 'differs') return { outcome: top1Margin > FAIL_FACTOR ? 'fail' : 'inconclusive', reason: 'Top1Differs' };
  const within =
    relativeL2 <= tolerance.relativeL2 &&
    elementsWithin >= ELEMENTS_WITHIN &&
    cosineDistance <= tolerance.cosineDistance;
  return within
    ? { outcome: 'pass', reason: 'WithinTolerance' }
    : { outcome: 'inconclusive', reason: 'BeyondTolerance' };
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

/** The elements of a float tensor as JavaScript numbers; every one is exact. */
function floats(tensor: Tensor): ArrayLike<number> {
  if (tensor.dtype === 'BF16') {
    // The upper half of the FP32 with the same value.
    const bits = new Uint32Array(tensor.data.byteLength / 2);
    const view = new DataView(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
    for (let index = 0; index < bits.length; index++) bits[index] = view.getUint16(2 * index, true) << 16;
    return new Float32Array(bits.buffer);
  }
  const values = typedView(tensor);
  if (values instanceof Uint16Array) return new Float16Array(values.buffer, values.byteOffset, values.length);
  return values as Float32Array | Float64Array;
}
