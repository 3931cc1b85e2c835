import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InferenceModel } from '@isochrone/api';
import { parseModelRef, pickVersion } from './model-ref.ts';

test('a model is NAME or NAME:VERSION, with its kind if you like', () => {
  const table: [text: string, ref: object][] = [
    ['ocr', { name: 'ocr' }],
    ['ocr:4.0.0', { name: 'ocr', version: '4.0.0' }],
    ['ocr:a:b', { name: 'ocr', version: 'a:b' }],
    ['model/ocr:1', { name: 'ocr', version: '1' }],
    ['inferencemodel.isochrone.dev/ocr', { name: 'ocr' }],
  ];
  for (const [text, ref] of table) assert.deepEqual(parseModelRef(text), ref, text);
  for (const text of ['', 'OCR', 'job/ocr', 'ocr:', ':1', 'ocr/1'])
    assert.throws(() => parseModelRef(text), { code: 'USAGE', message: /write NAME or NAME:VERSION/ }, text);
});

function model(...versions: string[]): InferenceModel {
  return { metadata: { name: 'ocr' }, spec: { versions: versions.map((version) => ({ version })) } } as InferenceModel;
}

test('without a version the only one is meant', () => {
  assert.equal(pickVersion(model('1'), { name: 'ocr' }).version, '1');
  assert.equal(pickVersion(model('1', '2'), { name: 'ocr', version: '2' }).version, '2');
  assert.throws(() => pickVersion(model('1', '2'), { name: 'ocr' }), {
    code: 'USAGE',
    message: /add one of them: 1, 2/,
  });
  assert.throws(() => pickVersion(model('1', '2'), { name: 'ocr', version: '3' }), {
    code: 'NOT_FOUND',
    message: 'InferenceModel ocr has no version 3; it has 1, 2',
  });
});
