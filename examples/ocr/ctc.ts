import { readFileSync } from 'node:fs';
import { typedView, type Tensor } from '@isochrone/tensor';

/** Class 0 is CTC's blank, the last one the space; between them the lines of the dictionary. */
export function readDictionary(path: string): string[] {
  const lines = readFileSync(path, 'utf8').split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  return ['', ...lines, ' '];
}

/**
 * Greedy CTC decoding (Graves et al., 2006): the likeliest class of each step, repeats joined, blanks dropped.
 * @param scores FP32 [records, steps, classes]
 * @returns one text per record
 */
export function decodeCtc(scores: Tensor, classes: readonly string[]): string[] {
  const [records = 0, steps = 0, width = 0] = scores.shape;
  if (scores.shape.length !== 3 || width !== classes.length) {
    throw new RangeError(
      `the scores have shape [${scores.shape.join(', ')}]; a dictionary of ${classes.length} classes needs [records, steps, ${classes.length}]`,
    );
  }
  const values = typedView(scores) as Float32Array;
  return Array.from({ length: records }, (_, record) => {
    let text = '';
    let previous = 0;
    for (let step = 0; step < steps; step += 1) {
      const start = (record * steps + step) * width;
      const best = indexOfLargest(values, start, width);
      if (best !== previous) text += classes[best]!;
      previous = best;
    }
    return text;
  });
}

function indexOfLargest(values: Float32Array, start: number, length: number): number {
  let best = 0;
  for (let index = 1; index < length; index += 1) if (values[start + index]! > values[start + best]!) best = index;
  return best;
}
