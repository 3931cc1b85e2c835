import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { dataTypeInfo, dataTypes, type DataType } from './dtypes.ts';
import { TensorError, type TensorErrorCode } from './errors.ts';
import {
  NPY_PREFIX_BYTES,
  assertNpyLength,
  decodeNpy,
  encodeNpy,
  encodeNpyHeader,
  npyHeaderLength,
  parseNpyHeader,
  recordRange,
} from './npy.ts';
import { createTensor, elementCount, sliceRows } from './tensor.ts';

/** An object with this header text, unpadded, as no careful writer would make it. */
function npy(
  text: string,
  { version = [1, 0], data = new Uint8Array() }: { version?: [number, number]; data?: Uint8Array } = {},
): Uint8Array {
  const body = Buffer.from(text, version[0] === 3 ? 'utf8' : 'latin1');
  const length = Buffer.alloc(version[0] === 1 ? 2 : 4);
  if (version[0] === 1) length.writeUInt16LE(body.byteLength);
  else length.writeUInt32LE(body.byteLength);
  return Buffer.concat([Buffer.from('\x93NUMPY', 'latin1'), Uint8Array.from(version), length, body, data]);
}

const header = (descr: string, fortran = 'False', shape = '(3, 2)') =>
  `{'descr': ${descr}, 'fortran_order': ${fortran}, 'shape': ${shape}, }\n`;
const refuses = (read: () => unknown, code: TensorErrorCode, message = /./) => assert.throws(read, { code, message });

describe('parseNpyHeader', () => {
  const shapes: readonly [string, number[]][] = [
    ['(3, 2)', [3, 2]],
    ['(3,)', [3]],
    ['( 3 ,2, )', [3, 2]],
    ['(0, 5)', [0, 5]],
    ['(1, 2, 3, 4)', [1, 2, 3, 4]],
  ];
  for (const [text, shape] of shapes) {
    test(`reads the shape ${text}`, () =>
      assert.deepEqual(parseNpyHeader(npy(header("'<f4'", 'False', text))).shape, shape));
  }

  test('reads versions 1.0, 2.0 and 3.0, keys in any order', () => {
    const text = "{'shape': (3, 2), 'fortran_order': False, 'descr': '<i8'}";
    for (const [version, dataOffset] of [
      [1, 10],
      [2, 12],
      [3, 12],
    ] as const) {
      const expected = {
        dtype: 'INT64',
        shape: [3, 2],
        dataOffset: dataOffset + text.length,
        recordBytes: 16,
        records: 3,
        fields: [{ name: '', dataType: 'INT64', shape: [2], offset: 0 }],
      };
      const object = npy(text, { version: [version, 0] });
      assert.deepEqual(parseNpyHeader(object), expected);
      assert.equal(npyHeaderLength(object.subarray(0, NPY_PREFIX_BYTES)), expected.dataOffset);
    }
  });

  test('an array of one dimension is the same in both orders', () => {
    assert.equal(parseNpyHeader(npy(header("'<f4'", 'True', '(3,)'))).records, 3);
  });

  test('single bytes have no order', () => {
    for (const order of ['<', '>', '|', '=']) assert.equal(parseNpyHeader(npy(header(`'${order}u1'`))).dtype, 'UINT8');
  });

  const refused: readonly [string, Uint8Array, TensorErrorCode, RegExp][] = [
    ['an empty object', new Uint8Array(), 'NPY_TRUNCATED', /after 0 bytes/],
    ['a cut preamble', npy('').subarray(0, 9), 'NPY_TRUNCATED', /after 9 bytes/],
    ['a cut header', npy(header("'<f4'")).subarray(0, 40), 'NPY_TRUNCATED', /only 40/],
    ['another format', Buffer.from('PK\x03\x04 a zip file'), 'NPY_MAGIC', /NUMPY/],
    ['version 4.0', npy(header("'<f4'"), { version: [4, 0] }), 'NPY_VERSION', /4\.0/],
    ['version 1.1', npy(header("'<f4'"), { version: [1, 1] }), 'NPY_VERSION', /1\.1/],
    [
      'a header of 4 GiB',
      Buffer.concat([npy('', { version: [2, 0] }).subarray(0, 8), Buffer.alloc(4, 0xff)]),
      'NPY_HEADER_TOO_LARGE',
      /4294967295/,
    ],
    ['Fortran order', npy(header("'<f4'", 'True')), 'NPY_FORTRAN_ORDER', /ascontiguousarray/],
    ['big-endian data', npy(header("'>f4'")), 'NPY_BIG_ENDIAN', /newbyteorder\('<'\)/],
    [
      'a structured dtype',
      npy(header("[('a', '<f4'), ('b', '<i4')]", 'False', '(3,)')),
      'NPY_STRUCTURED_DTYPE',
      /each field/,
    ],
    ['a subarray dtype', npy(header("('<f4', (2,))")), 'NPY_STRUCTURED_DTYPE', /./],
    ['objects', npy(header("'|O'")), 'NPY_UNSUPPORTED_DTYPE', /\|O/],
    ['byte strings', npy(header("'|S5'")), 'NPY_UNSUPPORTED_DTYPE', /S5/],
    ['text', npy(header("'<U3'")), 'NPY_UNSUPPORTED_DTYPE', /U3/],
    ['text without characters', npy(header("'<U0'")), 'NPY_UNSUPPORTED_DTYPE', /U0/],
    ['records of two axes', npy(header("[('a', '<f4')]")), 'NPY_STRUCTURED_DTYPE', /give the fields the other axes/],
    ['a field with fields', npy(header("[('a', [('b', '<f4')])]", 'False', '(3,)')), 'NPY_STRUCTURED_DTYPE', /flatten/],
    ['a field with a title', npy(header("[(('t', 'a'), '<f4')]", 'False', '(3,)')), 'NPY_STRUCTURED_DTYPE', /titles/],
    [
      'two fields of one name',
      npy(header("[('a', '<f4'), ('a', '<f4')]", 'False', '(3,)')),
      'NPY_HEADER_INVALID',
      /'a' twice/,
    ],
    ['nothing but padding', npy(header("[('', '|V4')]", 'False', '(3,)')), 'NPY_STRUCTURED_DTYPE', /no field/],
    ['brackets without end', npy(header('['.repeat(20_000))), 'NPY_HEADER_INVALID', /deeply/],
    ['complex numbers', npy(header("'<c8'")), 'NPY_UNSUPPORTED_DTYPE', /c8/],
    ['dates', npy(header("'<M8[ns]'")), 'NPY_UNSUPPORTED_DTYPE', /M8/],
    ['long doubles', npy(header("'<f16'")), 'NPY_UNSUPPORTED_DTYPE', /f16/],
    ['an order that the machine chooses', npy(header("'=f4'")), 'NPY_UNSUPPORTED_DTYPE', /=f4/],
    ['a scalar', npy(header("'<f4'", 'False', '()')), 'NPY_SCALAR', /reshape/],
    ['an integer for a shape', npy(header("'<f4'", 'False', '(3)')), 'NPY_HEADER_INVALID', /not a tuple/],
    ['a list for a shape', npy(header("'<f4'", 'False', '[3]')), 'NPY_HEADER_INVALID', /shape/],
    ['a negative dimension', npy(header("'<f4'", 'False', '(-3,)')), 'NPY_HEADER_INVALID', /shape/],
    [
      'a dimension past 2^53',
      npy(header("'<f4'", 'False', '(9007199254740993,)')),
      'SHAPE_INVALID',
      /9007199254740993/,
    ],
    ['a product past 2^53', npy(header("'<f4'", 'False', '(3, 4294967296, 4294967296)')), 'SHAPE_INVALID', /./],
    ['bytes past 2^53', npy(header("'<f8'", 'False', '(4503599627370496,)')), 'SHAPE_INVALID', /./],
    ['a missing key', npy("{'descr': '<f4', 'shape': (3,), }"), 'NPY_HEADER_INVALID', /fortran_order/],
    [
      'a key twice',
      npy("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (3,), }"),
      'NPY_HEADER_INVALID',
      /twice/,
    ],
    [
      'an unknown key',
      npy("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), 'x': 1}"),
      'NPY_HEADER_INVALID',
      /unexpected/,
    ],
    [
      'a missing comma',
      npy("{'descr': '<f4' 'fortran_order': False, 'shape': (3,)}"),
      'NPY_HEADER_INVALID',
      /unexpected/,
    ],
    ['no dictionary', npy('hello'), 'NPY_HEADER_INVALID', /braces/],
    ['a boolean that is none', npy(header("'<f4'", "'True'")), 'NPY_HEADER_INVALID', /fortran_order/],
    [
      'UTF-8 that is none',
      Buffer.concat([npy('', { version: [3, 0] }).subarray(0, 8), Uint8Array.of(2, 0, 0, 0, 0xff, 0xfe)]),
      'NPY_HEADER_INVALID',
      /UTF-8/,
    ],
  ];
  for (const [name, object, code, message] of refused)
    test(`refuses ${name}`, () => refuses(() => parseNpyHeader(object), code, message));
});

const writable = (Object.keys(dataTypes) as DataType[]).filter((dtype) => dataTypeInfo(dtype).npyDescr !== undefined);
const tensor = fc
  .record({ dtype: fc.constantFrom(...writable), shape: fc.array(fc.nat({ max: 5 }), { minLength: 1, maxLength: 4 }) })
  .chain(({ dtype, shape }) => {
    const length = elementCount(shape) * dataTypeInfo(dtype).bytesPerElement!;
    const bytes = fc.uint8Array({ minLength: length, maxLength: length, max: dtype === 'BOOL' ? 1 : 255 });
    return bytes.map((data) => createTensor(dtype, shape, data));
  });

describe('whole objects', () => {
  test('are read back bit by bit, their data at a multiple of 64', () => {
    fc.assert(
      fc.property(tensor, (written) => {
        const object = encodeNpy(written);
        const read = decodeNpy(object);
        assert.deepEqual({ ...read, data: Buffer.from(read.data) }, { ...written, data: Buffer.from(written.data) });
        assert.equal(parseNpyHeader(object).dataOffset % 64, 0);
      }),
    );
  });

  test('are written as NumPy writes them', () => {
    // numpy.save of numpy.array([[1, 2, 3]], dtype="<i4"), NumPy 2: its header, byte for byte.
    const expected = `\x93NUMPY\x01\x00v\x00${"{'descr': '<i4', 'fortran_order': False, 'shape': (1, 3), }".padEnd(117)}\n`;
    assert.equal(Buffer.from(encodeNpyHeader('INT32', [1, 3])).toString('latin1'), expected);
  });

  test('end where the header says', () => {
    const object = encodeNpy(createTensor('UINT8', [4], Uint8Array.of(1, 2, 3, 4)));
    refuses(() => decodeNpy(object.subarray(0, -1)), 'NPY_TRUNCATED', /4 records in 132 bytes, the object has 131/);
    refuses(() => decodeNpy(Buffer.concat([object, Uint8Array.of(0)])), 'NPY_TOO_LONG', /has 133/);
    assertNpyLength(parseNpyHeader(object), 132);
  });

  test('have no BYTES, BF16 or scalar', () => {
    refuses(() => encodeNpyHeader('BYTES', [1]), 'DTYPE_UNSUPPORTED');
    refuses(() => encodeNpyHeader('BF16', [1]), 'DTYPE_UNSUPPORTED');
    refuses(() => encodeNpyHeader('FP32', []), 'NPY_SCALAR');
    refuses(() => encodeNpyHeader('FP32', [1.5]), 'SHAPE_INVALID');
    refuses(() => encodeNpyHeader('FP32', new Array<number>(40_000).fill(1)), 'NPY_HEADER_TOO_LARGE');
  });
});

describe('recordRange', () => {
  test('is where the rows lie', () => {
    fc.assert(
      fc.property(tensor, fc.nat(), fc.nat(), (written, a, b) => {
        const object = encodeNpy(written);
        const parsed = parseNpyHeader(object.subarray(0, npyHeaderLength(object.subarray(0, NPY_PREFIX_BYTES))));
        const first = a % (parsed.records + 1);
        const count = b % (parsed.records - first + 1);
        const { start, end } = recordRange(parsed, first, count);
        assert.deepEqual(
          Buffer.from(object.subarray(start, end)),
          Buffer.from(sliceRows(written, first, first + count).data),
        );
      }),
    );
  });

  test('refuses records that are not there', () => {
    const parsed = parseNpyHeader(npy(header("'<f4'")));
    for (const [first, count] of [
      [-1, 1],
      [0, 4],
      [3, 1],
      [0, -1],
      [0.5, 1],
      [NaN, 1],
    ] as const)
      refuses(() => recordRange(parsed, first, count), 'ROW_RANGE');
  });
});

describe('hostile objects', () => {
  test('are read rightly or refused by name', () => {
    const good = encodeNpy(createTensor('INT16', [3, 2], new Uint8Array(12)));
    const flipped = fc
      .array(fc.tuple(fc.nat({ max: good.byteLength - 1 }), fc.nat({ max: 255 })), { minLength: 1, maxLength: 4 })
      .map((changes) => {
        const object = Uint8Array.from(good);
        for (const [at, value] of changes) object[at] = value;
        return object;
      });
    const pieces = fc.constantFrom(
      "'descr'",
      "'shape'",
      "'fortran_order'",
      ':',
      ',',
      '(',
      ')',
      '[',
      '{',
      '}',
      "'<f4'",
      "'>i2'",
      'True',
      'False',
      '3',
      '99999999999999999999',
      ' ',
      '\n',
      '\\',
      "'",
    );
    const assembled = fc.array(pieces, { maxLength: 30 }).map((text) => npy(`{${text.join('')}}`));
    fc.assert(
      fc.property(fc.oneof(flipped, assembled, fc.uint8Array({ maxLength: 200 })), (object) => {
        try {
          const read = decodeNpy(object);
          assert.equal(read.data.byteLength, elementCount(read.shape) * dataTypeInfo(read.dtype).bytesPerElement!);
          assert.equal(read.data.byteOffset + read.data.byteLength, object.byteOffset + object.byteLength);
        } catch (error) {
          assert.ok(error instanceof TensorError, String(error));
        }
      }),
      { numRuns: 3_000 },
    );
  });

  test('a long header is refused in linear time', () => {
    const object = npy(`{'shape': (${'1, '.repeat(20_000)}`);
    const started = process.cpuUsage();
    refuses(() => parseNpyHeader(object), 'NPY_HEADER_INVALID');
    assert.ok(process.cpuUsage(started).user < 500_000, 'microseconds of CPU');
  });
});
