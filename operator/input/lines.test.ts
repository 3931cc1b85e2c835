import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createTensor, decodeBytesElements, encodeBytesElements, tensorOf } from '@isochrone/tensor';
import { parseRequestLine, RequestProblem, type RequestTensor } from './request-line.ts';
import { responseLine } from './response-line.ts';

const model: readonly RequestTensor[] = [
  { name: 'ids', dataType: 'INT64', shape: [-1, -1] },
  { name: 'text', dataType: 'BYTES', shape: [-1] },
];
const ids = { name: 'ids', shape: [1, 2], datatype: 'INT64', data: [1, -2] };
const text = { name: 'text', shape: [1], datatype: 'BYTES', data: ['né'] };
const line = (...inputs: object[]): string => JSON.stringify({ id: 'a', inputs });

describe('a request line', () => {
  test('of the documentation is one', () => {
    const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'jobs.md'), 'utf8');
    const lines = /```json\n(.*?)```/s.exec(page)![1]!.trim().split('\n');
    assert.ok(lines.length > 1);
    for (const one of lines) parseRequestLine(one, [{ name: 'x', dataType: 'FP32', shape: [-1, 2] }]);
  });

  test('is a record: tensors in the order of the model, data nested or flat', () => {
    const { id, tensors } = parseRequestLine(line(text, { ...ids, data: [[1, -2]] }), model);
    assert.equal(id, 'a');
    assert.deepEqual(
      tensors.map(({ dtype, shape }) => [dtype, shape]),
      [
        ['INT64', [1, 2]],
        ['BYTES', [1]],
      ],
    );
    assert.deepEqual([...new BigInt64Array(tensors[0]!.data.slice().buffer)], [1n, -2n]);
    assert.equal(Buffer.from(decodeBytesElements(tensors[1]!)[0]!).toString(), 'né');
    assert.equal(parseRequestLine(JSON.stringify({ inputs: [ids, text] }), model).id, undefined);
  });

  test('keeps integers that a double cannot hold', () => {
    const big =
      '{"inputs":[{"name":"x","shape":[1,2],"datatype":"UINT64","data":[18446744073709551615,9007199254740993]}]}';
    const { tensors } = parseRequestLine(big, [{ name: 'x', dataType: 'UINT64', shape: [-1, 2] }]);
    assert.deepEqual([...new BigUint64Array(tensors[0]!.data.slice().buffer)], [2n ** 64n - 1n, 9007199254740993n]);
  });

  for (const [dataType, data, hex] of [
    ['FP16', [1, -2.5], '003c00c1'],
    ['FP32', [0.5, 3], '0000003f00004040'],
    ['FP64', [1, 0], '000000000000f03f0000000000000000'],
    ['BOOL', [true, 0], '0100'],
    ['INT8', [-128, 127], '807f'],
    ['UINT16', [65535, 0], 'ffff0000'],
    ['INT32', [-1, 2], 'ffffffff02000000'],
  ] as const)
    test(`carries ${dataType}`, () => {
      const request = line({ name: 'x', shape: [1, 2], datatype: dataType, data });
      const { tensors } = parseRequestLine(request, [{ name: 'x', dataType, shape: [-1, 2] }]);
      assert.equal(Buffer.from(tensors[0]!.data).toString('hex'), hex);
    });

  for (const [name, given, message] of [
    ['no JSON', '{', /is no JSON.*; write/],
    ['a list', '[]', /no JSON object.*; write/],
    [
      'outputs to choose from',
      JSON.stringify({ inputs: [ids, text], outputs: [] }),
      /"outputs".*not supported.*; write/,
    ],
    ['parameters of a tensor', line({ ...ids, parameters: {} }, text), /input ids has the field "parameters".*; write/],
    ['a number as id', JSON.stringify({ id: 7, inputs: [ids, text] }), /an id that is no string.*; shorten it/],
    ['a long id', JSON.stringify({ id: 'é'.repeat(129), inputs: [ids, text] }), /at most 256 bytes/],
    ['no inputs', '{"id":"a"}', /no list "inputs"; write one with ids, text/],
    ['an input of another model', line(ids, { ...text, name: 'mask' }), /"mask", the model takes ids, text; drop/],
    ['an input twice', line(ids, ids), /ids twice; /],
    ['an input too few', line(ids), /has no input text; add it/],
    ['another data type', line({ ...ids, datatype: 'INT32' }, text), /"INT32", the model takes INT64; convert/],
    ['a batch', line({ ...ids, shape: [2, 1] }, text), /a line is one record/],
    ['another rank', line({ ...ids, shape: [1, 2, 1] }, text), /the model takes \[1, -1\].*; reshape/],
    ['a shape that is none', line({ ...ids, shape: [1, -2] }, text), /has no shape; write a list of sizes/],
    ['fewer values', line({ ...ids, data: [1] }, text), /do not fill the shape \[1, 2\]; write 2 values/],
    ['data nested otherwise', line({ ...ids, data: [[1], [2]] }, text), /nested alike/],
    ['data nested deeply', line(ids, text).replace('[1,-2]', '['.repeat(1e5) + ']'.repeat(1e5)), /nested/],
    ['no data', line({ ...ids, data: undefined }, text), /do not fill/],
    [
      'a fraction for an integer',
      line({ ...ids, data: [1, 0.5] }, text),
      /ids has at 1 .* a number that is no INT64; convert/,
    ],
    ['a number for a string', line(ids, { ...text, data: [5] }), /text has at 0 .* a number that is no BYTES/],
    ['a string with a zero', line(ids, { ...text, data: ['a\0'] }), /a string that is no BYTES/],
  ] as const)
    test(`refuses ${name}`, () =>
      assert.throws(
        () => parseRequestLine(given, model),
        (error: unknown) => {
          assert.ok(error instanceof RequestProblem, String(error));
          assert.match(error.message, message);
          return true;
        },
      ));

  test('tells nothing of the values that it refuses', () => {
    for (const given of [
      '{"inputs": secret}',
      '"secret"',
      line(ids, { ...text, data: ['secret\0'] }),
      line({ ...ids, data: ['secret', 1] }, text),
    ])
      assert.throws(
        () => parseRequestLine(given, model),
        ({ message }: Error) => !message.includes('secret'),
      );
  });

  test('takes what is not finite by its word, and refuses what would become so', () => {
    const one = (dataType: string, data: unknown): Uint8Array =>
      parseRequestLine(line({ name: 'x', shape: [1], datatype: dataType, data: [data] }), [
        { name: 'x', dataType, shape: [-1] },
      ]).tensors[0]!.data;
    assert.equal(Buffer.from(one('FP32', '-Infinity')).toString('hex'), '000080ff');
    assert.ok(Number.isNaN(Buffer.from(one('FP64', 'NaN')).readDoubleLE()));
    assert.throws(() => one('FP32', 1e39), /no FP32/);
    assert.throws(() => one('FP16', 70_000), /no FP16/);
    assert.throws(() => one('FP64', 'nan'), /a string that is no FP64/);
    assert.throws(
      () =>
        parseRequestLine('{"inputs":[{"name":"x","shape":[1],"datatype":"FP64","data":[1e400]}]}', [
          { name: 'x', dataType: 'FP64', shape: [-1] },
        ]),
      /no FP64/,
    );
  });

  test('refuses integers beyond their type', () => {
    for (const [dataType, value] of [
      ['INT8', 128],
      ['UINT8', -1],
      ['INT32', 2 ** 31],
    ] as const)
      assert.throws(
        () =>
          parseRequestLine(line({ name: 'x', shape: [1], datatype: dataType, data: [value] }), [
            { name: 'x', dataType, shape: [-1] },
          ]),
        RequestProblem,
      );
  });
});

test('a response line is JSON that gives back every bit', () => {
  const outputs = [
    { name: 'f', tensor: tensorOf('FP32', [4], Float32Array.of(0.1, -0, NaN, -Infinity)) },
    { name: 'i', tensor: tensorOf('INT64', [1], BigInt64Array.of(-(2n ** 63n))) },
    { name: 'b', tensor: tensorOf('BOOL', [2], Uint8Array.of(1, 0)) },
    { name: 't', tensor: createTensor('BYTES', [1], encodeBytesElements([Buffer.from('"né')])) },
    { name: 'h', tensor: tensorOf('FP16', [1], Uint16Array.of(0x3c00)) },
  ];
  const text = responseLine({ name: 'm', version: '1' }, 'a', outputs);
  assert.match(text, /^\{"model_name":"m","model_version":"1","id":"a","outputs":\[/);
  assert.match(text, /\[-9223372036854775808\]/);
  const parsed = JSON.parse(text) as { outputs: { shape: number[]; data: unknown[] }[] };
  assert.deepEqual(parsed.outputs[0]!.data, [Math.fround(0.1), -0, 'NaN', '-Infinity']);
  assert.deepEqual(parsed.outputs[0]!.shape, [1, 4]);
  assert.deepEqual(
    parsed.outputs.slice(2).map(({ data }) => data),
    [[true, false], ['"né'], [1]],
  );
});
