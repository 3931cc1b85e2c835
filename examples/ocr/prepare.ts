/** Turns lines/*.png into one .npy of model inputs: `node examples/ocr/prepare.ts lines.npy`. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createTensor, encodeNpy } from '@isochrone/tensor';
import { CHANNELS, HEIGHT, modelInput } from './image.ts';

/** Wide enough for the longest line; every record of an .npy has the same shape. */
export const WIDTH = 480;

/** @returns FP32 [lines, 3, 48, 480] as .npy, in the order of the file names */
export function prepareLines(folder: string): Uint8Array {
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.png'))
    .sort();
  if (files.length === 0) throw new Error(`${folder} holds no .png; name the folder of the lines`);
  const recordLength = CHANNELS * HEIGHT * WIDTH;
  const all = new Float32Array(files.length * recordLength);
  files.forEach((file, index) => all.set(modelInput(readFileSync(join(folder, file)), WIDTH), index * recordLength));
  const bytes = new Uint8Array(all.buffer);
  return encodeNpy(createTensor('FP32', [files.length, CHANNELS, HEIGHT, WIDTH], bytes));
}

if (import.meta.main) {
  const [, , output] = process.argv;
  if (output === undefined) {
    console.error('usage: node examples/ocr/prepare.ts OUTPUT.npy');
    process.exit(2);
  }
  writeFileSync(output, prepareLines(join(import.meta.dirname, 'lines')));
}
