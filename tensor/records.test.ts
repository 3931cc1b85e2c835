import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { dataTypeInfo, dataTypes, type DataType } from './dtypes.ts';
import type { TensorErrorCode } from './errors.ts';
import { assertNpyLength, encodeNpyRecordsHeader, parseNpyRecords } from './npy.ts';
import { assertLayout, layoutOf, readRecord, readRecords, writeRecords, type FieldType } from './record-layout.ts';
import { stringLengthOf, textType } from './stored-strings.ts';
import { createTensor, decodeBytesElements, elementCount, encodeBytesElements, row, type Tensor } from './tensor.ts';

const refuses = (act: () => unknown, code: TensorErrorCode, message = /./) => assert.throws(act, { code, message });
const strings = (shape: number[], ...texts: string[]): Tensor =>
  createTensor('BYTES', shape, encodeBytesElements(texts.map((text) => Buffer.from(text))));
const textsOf = (tensor: Tensor): string[] =>
  decodeBytesElements(tensor).map((bytes) => Buffer.from(bytes).toString('utf8'));

describe('a structured array', () => {
  // numpy.save of numpy.array([(1.5, [1, 2], "né"), (-2, [3, 4], "")], dtype=[("x", "<f4"), ("ids", "<i8", (2,)), ("text", "<U3")])
  const text =
    "{'descr': [('x', '<f4'), ('ids', '<i8', (2,)), ('text', '<U3')], 'fortran_order': False, 'shape': (2,), }";
  const header = Buffer.concat([Buffer.from('\x93NUMPY\x01\x00v\x00', 'latin1'), Buffer.from(`${text.padEnd(117)}\n`)]);
  const data = Buffer.from(
    '0000c03f' +
      '01000000000000000200000000000000' +
      '6e000000e900000000000000' +
      '000000c0' +
      '03000000000000000400000000000000' +
      '000000000000000000000000',
    'hex',
  );
  const object = Buffer.concat([header, data]);

  test('is read as its fields', () => {
    const parsed = parseNpyRecords(object);
    assertNpyLength(parsed, object.byteLength);
    assert.deepEqual(
      parsed.fields.map(({ name, dataType, shape, offset }) => [name, dataType, shape, offset]),
      [
        ['x', 'FP32', [], 0],
        ['ids', 'INT64', [2], 4],
        ['text', 'BYTES', [], 20],
      ],
    );
    const [x, ids, words] = readRecords(parsed, object.subarray(parsed.dataOffset), parsed.records);
    assert.deepEqual([x!.shape, ids!.shape, textsOf(words!)], [[2], [2, 2], ['né', '']]);
    const [, second] = readRecord(parsed, object.subarray(parsed.dataOffset + parsed.recordBytes));
    assert.deepEqual(
      [second!.shape, Buffer.from(second!.data).toString('hex')],
      [[2], '03000000000000000400000000000000'],
    );
  });

  test('is written as NumPy writes it', () => {
    const parsed = parseNpyRecords(object);
    const tensors = readRecords(parsed, object.subarray(parsed.dataOffset), parsed.records);
    const written = Buffer.concat([encodeNpyRecordsHeader(parsed, 2), writeRecords(parsed, tensors)]);
    assert.equal(written.toString('latin1'), object.toString('latin1'));
  });

  test('keeps what aligned fields have between them', () => {
    const aligned =
      "{'descr': [('a', '|u1'), ('', '|V3'), ('b', '<f4'), ('', '|V4')], 'fortran_order': False, 'shape': (1,), }";
    const object = Buffer.concat([
      Buffer.from('\x93NUMPY\x01\x00\xb6\x00', 'latin1'),
      Buffer.from(`${aligned.padEnd(181)}\n`),
      Buffer.from('07ffffff0000803fffffffff', 'hex'),
    ]);
    const parsed = parseNpyRecords(object);
    assert.deepEqual([parsed.recordBytes, parsed.fields.map(({ offset }) => offset)], [12, [0, 4]]);
    assert.equal(Buffer.from(encodeNpyRecordsHeader(parsed, 1)).toString('latin1').includes(aligned), true);
    const tensors = readRecords(parsed, object.subarray(parsed.dataOffset), 1);
    assert.deepEqual(
      tensors.map(({ data }) => Buffer.from(data).toString('hex')),
      ['07', '0000803f'],
    );
  });

  test('has no field that Python would escape', () => {
    for (const name of ["it's", 'back\\slash', 'naïve', ''])
      refuses(
        () =>
          encodeNpyRecordsHeader(
            layoutOf([
              { name, dataType: 'INT8', shape: [] },
              { name: 'b', dataType: 'INT8', shape: [] },
            ]),
            1,
          ),
        'DTYPE_UNSUPPORTED',
      );
  });
});

describe('records', () => {
  const element = fc.string({ unit: 'grapheme', maxLength: 6 }).map((text) => text.replace(/\0+$/, '').toWellFormed());
  const field = fc
    .record({
      dataType: fc.constantFrom(...(Object.keys(dataTypes) as DataType[]).filter((name) => name !== 'BF16')),
      shape: fc.array(fc.nat({ max: 3 }), { maxLength: 3 }),
    })
    .chain(({ dataType, shape }) => {
      const count = 3 * elementCount(shape);
      const width = dataTypeInfo(dataType).bytesPerElement;
      const data =
        width === undefined
          ? fc
              .array(element, { minLength: count, maxLength: count })
              .map((texts) => encodeBytesElements(texts.map((text) => Buffer.from(text))))
          : fc.uint8Array({ minLength: count * width, maxLength: count * width, max: dataType === 'BOOL' ? 1 : 255 });
      return data.map((bytes) => createTensor(dataType, [3, ...shape], bytes));
    });

  test('hold any tensors side by side and give them back', () => {
    fc.assert(
      fc.property(fc.array(field, { minLength: 1, maxLength: 4 }), (tensors) => {
        const types = tensors.map((tensor, index): FieldType => ({
          name: `t${index}`,
          dataType: tensor.dtype,
          shape: tensor.shape.slice(1),
          ...(tensor.dtype === 'BYTES' ? { stringType: textType(stringLengthOf(decodeBytesElements(tensor))) } : {}),
        }));
        const layout = layoutOf(types);
        const parsed = parseNpyRecords(encodeNpyRecordsHeader(layout, 3));
        assert.deepEqual([parsed.fields, parsed.recordBytes, parsed.records], [layout.fields, layout.recordBytes, 3]);
        const records = writeRecords(layout, tensors);
        const plain = ({ dtype, shape, data }: Tensor) => ({ dtype, shape, data: Buffer.from(data) });
        assert.deepEqual(readRecords(layout, records, 3).map(plain), tensors.map(plain));
        const second = records.subarray(layout.recordBytes, 2 * layout.recordBytes);
        assert.deepEqual(
          readRecord(layout, second).map(plain),
          tensors.map((tensor) => plain(row(tensor, 1))),
        );
      }),
    );
  });

  const text: FieldType = { name: 't', dataType: 'BYTES', shape: [], stringType: '<U2' };
  for (const [name, act, code, message] of [
    [
      'a string that is too long',
      () => writeRecords(layoutOf([text]), [strings([1], 'abc')]),
      'DATA_LENGTH',
      /3 characters, 2 fit/,
    ],
    [
      'a string that ends in a zero',
      () => writeRecords(layoutOf([text]), [strings([1], 'a\0')]),
      'DATA_INVALID',
      /ends in a zero/,
    ],
    ['text that is not UTF-8', () => stringLengthOf([Uint8Array.of(0xff)]), 'DATA_INVALID', /UTF-8/],
    [
      'what is no character',
      () => readRecords(layoutOf([text]), Uint8Array.of(0, 0xd8, 0, 0, 0, 0, 0, 0), 1),
      'DATA_INVALID',
      /0xd800/,
    ],
    [
      'strings without a width',
      () => layoutOf([{ name: 't', dataType: 'BYTES', shape: [] }]),
      'DTYPE_UNSUPPORTED',
      /<U12/,
    ],
    ['a record that is cut', () => readRecords(layoutOf([text]), new Uint8Array(7), 1), 'DATA_LENGTH', /8 bytes/],
    [
      'a tensor of another field',
      () => writeRecords(layoutOf([text]), [createTensor('INT8', [1], Uint8Array.of(1))]),
      'SHAPE_MISMATCH',
      /'t' takes BYTES/,
    ],
    [
      'fields that overlap',
      () =>
        assertLayout({
          fields: [
            { ...text, offset: 0 },
            { ...text, name: 'u', offset: 4 },
          ],
          recordBytes: 16,
        }),
      'SHAPE_INVALID',
      /'u'/,
    ],
    [
      'fields beyond the record',
      () => assertLayout({ fields: [{ ...text, offset: 4 }], recordBytes: 8 }),
      'SHAPE_INVALID',
      /12 bytes/,
    ],
  ] as const)
    test(`refuse ${name}`, () => refuses(act, code, message));

  test('keep byte strings as they are', () => {
    const layout = layoutOf([{ name: '', dataType: 'BYTES', shape: [], stringType: '|S4' }]);
    const [tensor] = readRecords(layout, Uint8Array.of(0xff, 0, 1, 0, 0, 0, 0, 0), 2);
    assert.deepEqual(
      decodeBytesElements(tensor!).map((bytes) => [...bytes]),
      [[0xff, 0, 1], []],
    );
  });
});
