import type { Tolerance } from './tolerance.ts';

/** How far one float tensor lies from another. All finite, so that they can be written as JSON. */
export interface FloatFigures {
  /** ‖y−r‖₂ over ‖r‖₂, or over the norm that `absolute` gives each element where that is larger. */
  readonly relativeL2: number;
  readonly maxAbsolute: number;
  /** Share of elements within the element-wise bound, 0 to 1. */
  readonly elementsWithin: number;
  /** 1 − cosine; 0 where the reference is smaller than `absolute` and has no direction to speak of. */
  readonly cosineDistance: number;
  /** Worst row: whether the largest element is at the same place; tied when the reference's margin is within noise. */
  readonly top1: 'agrees' | 'tied' | 'differs' | 'notApplicable';
  /** The reference's margin between its own largest element and the candidate's, in units of the noise of two elements; 1 is a tie. */
  readonly top1Margin: number;
}

/**
 * Measures r (reference) against y (candidate).
 * @param rowLength size of the last axis, along which the largest element is sought; 1 where there is none
 */
export function measureFloats(
  r: ArrayLike<number>,
  y: ArrayLike<number>,
  rowLength: number,
  tolerance: Tolerance,
): FloatFigures | 'NonFiniteMismatch' {
  let scale = 0;
  for (let index = 0; index < r.length; index++) {
    const [ri, yi] = [r[index]!, y[index]!];
    if (Number.isFinite(ri) && Number.isFinite(yi)) scale = Math.max(scale, Math.abs(ri), Math.abs(yi));
    // NaN must stand where NaN stands, whatever its payload; infinities with their sign.
    else if (!Object.is(ri, yi)) return 'NonFiniteMismatch';
  }
  if (scale === 0) scale = 1;

  let [finite, within, maxAbsolute] = [0, 0, 0];
  let [differenceSquared, rSquared, ySquared, dot] = [0, 0, 0, 0];
  for (let index = 0; index < r.length; index++) {
    if (!Number.isFinite(r[index]!)) continue;
    // Scaled to at most 1, so that no square overflows.
    const [ri, yi] = [r[index]! / scale, y[index]! / scale];
    const difference = Math.abs(ri - yi);
    finite++;
    differenceSquared += difference * difference;
    rSquared += ri * ri;
    ySquared += yi * yi;
    dot += ri * yi;
    maxAbsolute = Math.max(maxAbsolute, difference);
    if (difference <= tolerance.absolute / scale + tolerance.relative * Math.abs(ri)) within++;
  }
  const [rNorm, yNorm] = [Math.sqrt(rSquared), Math.sqrt(ySquared)];
  // Where the reference is smaller than the noise that is allowed, its length and direction are noise too.
  const floor = (tolerance.absolute / scale) * Math.sqrt(finite);
  const cosine = rNorm > floor && yNorm > 0 ? dot / (rNorm * yNorm) : rNorm > floor ? 0 : 1;
  return {
    relativeL2: differenceSquared === 0 ? 0 : bounded(Math.sqrt(differenceSquared) / Math.max(rNorm, floor)),
    maxAbsolute: bounded(maxAbsolute * scale),
    elementsWithin: finite === 0 ? 1 : within / finite,
    cosineDistance: Math.max(0, 1 - cosine),
    ...(tolerance.top1 && rowLength > 1
      ? measureTop1(r, y, rowLength, tolerance)
      : { top1: 'notApplicable', top1Margin: 0 }),
  };
}

function measureTop1(
  r: ArrayLike<number>,
  y: ArrayLike<number>,
  rowLength: number,
  { absolute, relative }: Tolerance,
): Pick<FloatFigures, 'top1' | 'top1Margin'> {
  let [flips, worst] = [0, 0];
  for (let start = 0; start < r.length; start += rowLength) {
    const [rBest, yBest] = [largest(r, start, rowLength), largest(y, start, rowLength)];
    if (rBest === yBest) continue;
    flips++;
    const margin = r[rBest]! - r[yBest]!;
    // Either element may be off by its own noise, so a smaller margin than both together decides nothing.
    const noise = 2 * absolute + relative * (Math.abs(r[rBest]!) + Math.abs(r[yBest]!));
    worst = Math.max(worst, margin === 0 ? 0 : bounded(margin / noise));
  }
  return { top1: flips === 0 ? 'agrees' : worst <= 1 ? 'tied' : 'differs', top1Margin: worst };
}

/** Index of the first largest element of a row; NaN is never the largest. */
function largest(values: ArrayLike<number>, start: number, length: number): number {
  let best = start;
  for (let index = start + 1; index < start + length; index++) {
    if (values[index]! > values[best]! || Number.isNaN(values[best]!)) best = index;
  }
  return best;
}

function bounded(value: number): number {
  return Math.min(value, Number.MAX_VALUE);
}
