import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  dataTypeInfo,
  dataTypeOfOnnxruntime,
  dataTypes,
  onnxruntimeType,
  parseDataType,
  type DataType,
} from './dtypes.ts';
import {
  concatRows,
  createTensor,
  decodeBytesElements,
  elementCount,
  encodeBytesElements,
  row,
  rowCount,
  shapeOf,
  sliceRows,
  typedView,
  type Tensor,
} from './tensor.ts';

const names = Object.keys(dataTypes) as DataType[];

/** Any tensor with rows, its data starting at any byte of a larger buffer. */
const tensor: fc.Arbitrary<Tensor> = fc
  .record({
    dtype: fc.constantFrom(...names),
    shape: fc.array(fc.nat({ max: 4 }), { minLength: 1, maxLength: 3 }),
    shift: fc.nat({ max: 7 }),
    seed: fc.infiniteStream(fc.nat({ max: 255 })),
  })
  .map(({ dtype, shape, shift, seed }) => {
    const count = elementCount(shape);
    const next = () => seed.next().value as number;
    const width = dataTypeInfo(dtype).bytesPerElement;
    const data =
      width === undefined
        ? encodeBytesElements(Array.from({ length: count }, () => Uint8Array.from({ length: next() % 5 }, next)))
        : Uint8Array.from({ length: count * width }, dtype === 'BOOL' ? () => next() % 2 : next);
    const buffer = new Uint8Array(data.byteLength + shift);
    buffer.set(data, shift);
    return createTensor(dtype, shape, buffer.subarray(shift));
  });

const equal = (a: Tensor, b: Tensor) =>
  assert.deepEqual({ ...a, data: Buffer.from(a.data) }, { ...b, data: Buffer.from(b.data) });

describe('data types', () => {
  test('every name is read, every onnxruntime name leads back', () => {
    for (const name of names) {
      assert.equal(parseDataType(name), name);
      if (name !== 'BF16') assert.equal(dataTypeOfOnnxruntime(onnxruntimeType(name)), name);
    }
    assert.throws(() => parseDataType('fp32'), { code: 'DTYPE_UNKNOWN', message: /"fp32".*FP32/ });
    assert.throws(() => parseDataType('constructor'), { code: 'DTYPE_UNKNOWN' });
    assert.throws(() => dataTypeOfOnnxruntime('float4'), { code: 'DTYPE_UNKNOWN' });
    assert.throws(() => onnxruntimeType('BF16'), { code: 'DTYPE_UNSUPPORTED', message: /Cast/ });
  });

  test('array and width agree', () => {
    for (const name of names) {
      const { array, bytesPerElement } = dataTypeInfo(name);
      if (array) assert.equal(new array(new ArrayBuffer(8), 0, 1).BYTES_PER_ELEMENT, bytesPerElement, name);
    }
  });
});

describe('rows', () => {
  test('splitting and joining are inverse, wherever the cuts are', () => {
    fc.assert(
      fc.property(tensor, fc.array(fc.nat()), (whole, cuts) => {
        const rows = rowCount(whole);
        const ends = [...cuts.map((cut) => cut % (rows + 1)), rows].sort((a, b) => a - b);
        const parts = ends.map((end, index) => sliceRows(whole, ends[index - 1] ?? 0, end));
        equal(concatRows(parts), whole);
        for (const part of parts) createTensor(part.dtype, part.shape, part.data);
      }),
    );
  });

  test('a row is the slice of one, without its first axis', () => {
    fc.assert(
      fc.property(
        tensor.filter(({ shape }) => shape[0]! > 0),
        fc.nat(),
        (whole, at) => {
          const index = at % rowCount(whole);
          const slice = sliceRows(whole, index, index + 1);
          assert.deepEqual(slice.shape, [1, ...whole.shape.slice(1)]);
          equal(row(whole, index), createTensor(whole.dtype, whole.shape.slice(1), slice.data));
          assert.equal(slice.data.buffer, whole.data.buffer, 'a view, not a copy');
        },
      ),
    );
  });

  test('refuses ranges outside, and joins of what differs', () => {
    const two = createTensor('UINT8', [2, 3], new Uint8Array(6));
    for (const [first, end] of [
      [-1, 1],
      [1, 0],
      [0, 3],
      [0.5, 1],
    ] as const)
      assert.throws(() => sliceRows(two, first, end), { code: 'ROW_RANGE' });
    assert.throws(() => concatRows([]), { code: 'SHAPE_MISMATCH' });
    assert.throws(() => concatRows([two, createTensor('INT8', [2, 3], new Uint8Array(6))]), { code: 'SHAPE_MISMATCH' });
    assert.throws(() => concatRows([two, createTensor('UINT8', [3, 2], new Uint8Array(6))]), {
      code: 'SHAPE_MISMATCH',
      message: /UINT8\[3, 2\] to UINT8\[2, 3\]/,
    });
    assert.throws(() => rowCount(createTensor('UINT8', [], new Uint8Array(1))), { code: 'SHAPE_INVALID' });
  });
});

describe('typedView', () => {
  test('reads little-endian elements wherever the data starts', () => {
    for (let shift = 0; shift < 8; shift++) {
      const buffer = Buffer.alloc(24);
      buffer.writeBigInt64LE(-(2n ** 53n) - 1n, shift);
      buffer.writeBigInt64LE(7n, shift + 8);
      const view = typedView(createTensor('INT64', [2], buffer.subarray(shift, shift + 16)));
      assert.deepEqual([...view], [-(2n ** 53n) - 1n, 7n]);
    }
  });

  test('has none for BYTES and BF16', () => {
    assert.throws(() => typedView(createTensor('BYTES', [0], new Uint8Array())), { code: 'DTYPE_UNSUPPORTED' });
    assert.throws(() => typedView(createTensor('BF16', [1], new Uint8Array(2))), { code: 'DTYPE_UNSUPPORTED' });
  });
});

describe('createTensor', () => {
  const cases: readonly [string, DataType, (number | bigint)[], Uint8Array, string, RegExp][] = [
    ['too little data', 'FP32', [2, 2], new Uint8Array(15), 'DATA_LENGTH', /\[2, 2\] needs 16 bytes, got 15/],
    ['too much data', 'FP32', [1], new Uint8Array(5), 'DATA_LENGTH', /needs 4 bytes/],
    ['a negative dimension', 'FP32', [-1], new Uint8Array(4), 'SHAPE_INVALID', /shape\[0\] is -1/],
    ['a fractional dimension', 'FP32', [1, 0.5], new Uint8Array(4), 'SHAPE_INVALID', /shape\[1\]/],
    ['a dimension past 2^53', 'FP32', [2n ** 53n], new Uint8Array(4), 'SHAPE_INVALID', /9007199254740992/],
    ['a product past 2^53', 'FP32', [2 ** 40, 2 ** 40], new Uint8Array(4), 'SHAPE_INVALID', /more than/],
    ['a boolean of 2', 'BOOL', [3], Uint8Array.of(0, 1, 2), 'DATA_INVALID', /element 2 is the byte 2/],
    ['text that runs over', 'BYTES', [1], Uint8Array.of(2, 0, 0, 0, 65), 'DATA_LENGTH', /element 0 of 1 runs past/],
    [
      'text that is cut in its length',
      'BYTES',
      [2],
      Uint8Array.of(2, 0, 0, 0, 65, 66, 1, 0),
      'DATA_LENGTH',
      /element 1 of 2/,
    ],
    ['text that goes on', 'BYTES', [1], Uint8Array.of(0, 0, 0, 0, 9), 'DATA_LENGTH', /1 bytes follow/],
    ['a count of texts that cannot be', 'BYTES', [2 ** 40], new Uint8Array(4), 'DATA_LENGTH', /at least/],
  ];
  for (const [name, dtype, shape, data, code, message] of cases) {
    test(`refuses ${name}`, () => assert.throws(() => createTensor(dtype, shape, data), { code, message }));
  }

  test('takes what is empty, scalar or int64', () => {
    assert.deepEqual(createTensor('FP32', [0n, 2n], new Uint8Array()).shape, [0, 2]);
    assert.equal(elementCount([2 ** 50, 2 ** 50, 0]), 0);
    assert.equal(elementCount([]), 1);
    assert.throws(() => shapeOf([-0]), { code: 'SHAPE_INVALID' });
  });

  test('texts are read back', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 9 })), (texts) => {
        const decoded = decodeBytesElements(createTensor('BYTES', [texts.length], encodeBytesElements(texts)));
        assert.deepEqual(
          decoded.map((text) => Buffer.from(text)),
          texts.map((text) => Buffer.from(text)),
        );
      }),
    );
    assert.throws(() => decodeBytesElements(createTensor('UINT8', [0], new Uint8Array())), {
      code: 'DTYPE_UNSUPPORTED',
    });
  });
});
