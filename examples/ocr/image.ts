import { decode } from 'fast-png';

/** What PP-OCR's recognition models take: 3 channels, 48 rows, any width. */
export const CHANNELS = 3;
export const HEIGHT = 48;

/**
 * Turns an image of one line into a model input as PaddleOCR does: scaled bilinearly to 48 rows with its proportions kept,
 * `v / 127.5 - 1`, and zeros to the right of it.
 * @param png 8-bit grey, RGB or RGBA
 * @param width columns of the result; a longer line is compressed into it
 * @returns [3, 48, width], row-major
 */
export function modelInput(png: Uint8Array, width: number): Float32Array {
  const { data, width: columns, height: rows, channels, depth } = decode(png);
  if (depth !== 8) throw new RangeError(`the image has ${depth} bits per sample; save it with 8`);
  const used = Math.min(width, Math.max(1, Math.round((columns * HEIGHT) / rows)));
  const input = new Float32Array(CHANNELS * HEIGHT * width);
  const xs = Array.from({ length: used }, (_, x) => neighbours(x, used, columns));
  for (let y = 0; y < HEIGHT; y += 1) {
    const vertical = neighbours(y, HEIGHT, rows);
    for (let x = 0; x < used; x += 1) {
      const horizontal = xs[x]!;
      for (let channel = 0; channel < CHANNELS; channel += 1) {
        const source = channels < CHANNELS ? 0 : channel;
        const at = (row: number, column: number): number => data[(row * columns + column) * channels + source]!;
        const upper = mix(at(vertical.low, horizontal.low), at(vertical.low, horizontal.high), horizontal.weight);
        const lower = mix(at(vertical.high, horizontal.low), at(vertical.high, horizontal.high), horizontal.weight);
        input[(channel * HEIGHT + y) * width + x] = mix(upper, lower, vertical.weight) / 127.5 - 1;
      }
    }
  }
  return input;
}

/** Where pixel `index` of `size` lies among `original` pixels; centres on centres, as OpenCV does. */
function neighbours(index: number, size: number, original: number): { low: number; high: number; weight: number } {
  const position = Math.min(Math.max(((index + 0.5) * original) / size - 0.5, 0), original - 1);
  const low = Math.floor(position);
  return { low, high: Math.min(low + 1, original - 1), weight: position - low };
}

function mix(a: number, b: number, weight: number): number {
  return a + (b - a) * weight;
}
