import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createTensor, dataTypeInfo, encodeBytesElements, type DataType } from '@isochrone/tensor';
import { parseRequestLine } from './request-line.ts';
import { responseLine } from './response-line.ts';
import { sourceLines } from './source-lines.ts';

/** Cuts bytes at the positions, taken modulo what is left. */
async function* cut(bytes: Uint8Array, lengths: readonly number[]): AsyncGenerator<Uint8Array, void> {
  let at = 0;
  for (const length of lengths) {
    yield bytes.subarray(at, (at += length));
    await Promise.resolve();
  }
  yield bytes.subarray(at);
}

async function all(bytes: Uint8Array, lengths: readonly number[], most = 1 << 20): Promise<[number, string][]> {
  const lines: [number, string][] = [];
  for await (const { line, text } of sourceLines('x', cut(bytes, lengths), most)) lines.push([line, text]);
  return lines;
}

const chunks = fc.array(fc.nat({ max: 9 }), { maxLength: 40 });
const text = fc.string({ unit: fc.constantFrom('a', '"', 'é', '😀', '\u2028', '\r', ' ', '\uFEFF') });

describe('lines', () => {
  test('are the same wherever the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(text),
        fc.constantFrom('\n', '\r\n'),
        fc.boolean(),
        chunks,
        async (rows, end, isEnded, lengths) => {
          const file = rows.join(end) + (isEnded ? end : '');
          const expected = file
            .split('\n')
            .map((row, index): [number, string] => [
              index + 1,
              index === 0 && row.startsWith('\uFEFF') ? row.slice(1) : row,
            ])
            .filter(([, row]) => row.trim() !== '');
          assert.deepEqual(await all(Buffer.from(file), lengths), expected);
        },
      ),
    );
  });

  test('that are too long are refused by their number before they are held', async () => {
    const endless = async function* (): AsyncGenerator<Uint8Array, void> {
      yield Buffer.from('{}\n');
      for (;;) yield Buffer.alloc(1000, 'a');
    };
    const read = async (): Promise<void> => {
      for await (const line of sourceLines('s3://b/x.jsonl', endless(), 10_000)) assert.equal(line.line, 1);
    };
    await assert.rejects(read(), /s3:\/\/b\/x\.jsonl, line 2 has more than 10000 bytes; write/);
    assert.deepEqual(await all(Buffer.from('12345\n1234'), [2, 2], 5), [
      [1, '12345'],
      [2, '1234'],
    ]);
  });

  test('that are no UTF-8 are refused by their number', async () => {
    await assert.rejects(all(Uint8Array.of(0x7b, 0x0a, 0x0a, 0xc3, 0x0a), []), /line 3 is no UTF-8; write/);
  });
});

const dataTypes = [
  'BOOL',
  'INT8',
  'UINT8',
  'INT16',
  'UINT16',
  'INT32',
  'UINT32',
  'INT64',
  'UINT64',
  'FP16',
  'FP32',
  'FP64',
] as const;

describe('a tensor', () => {
  test('is the same after it was written as a response and read as a request', () => {
    const fixed = fc.constantFrom(...dataTypes).chain((dataType: DataType) => {
      const width = dataTypeInfo(dataType).bytesPerElement!;
      const bytes = fc.uint8Array({ minLength: 6 * width, maxLength: 6 * width });
      return bytes.map((data) =>
        createTensor(dataType, [1, 2, 3], dataType === 'BOOL' ? data.map((byte) => byte % 2) : data),
      );
    });
    const word = fc.string({ unit: 'binary' }).filter((value) => !value.includes('\0'));
    const strings = fc
      .array(word, { minLength: 6, maxLength: 6 })
      .map((values) =>
        createTensor('BYTES', [1, 2, 3], encodeBytesElements(values.map((value) => Buffer.from(value)))),
      );
    fc.assert(
      fc.property(fc.oneof(fixed, strings), (tensor) => {
        const line = responseLine({ name: 'm', version: '1' }, 'é', [
          { name: 'x', tensor: { ...tensor, shape: [2, 3] } },
        ]);
        const { id, outputs } = JSON.parse(line, (_key, value: unknown) => value) as { id: string; outputs: unknown };
        assert.equal(id, 'é');
        assert.ok(Array.isArray(outputs));
        const request = line.replace(/^.*?"outputs":/, '{"inputs":');
        const [read] = parseRequestLine(request, [{ name: 'x', dataType: tensor.dtype, shape: [-1, 2, -1] }]).tensors;
        assert.deepEqual(bits(read!), bits(tensor));
      }),
      { numRuns: 400 },
    );
  });

  test('may be nested as its shape is, or flat', () => {
    const shape = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(shape, (axes) => {
        const count = axes.reduce((product, size) => product * size, 1);
        const flat = Array.from({ length: count }, (_, index) => index);
        let nested: unknown[] = flat;
        for (const size of axes.slice(1).toReversed())
          nested = Array.from({ length: nested.length / size }, (_, index) =>
            nested.slice(index * size, (index + 1) * size),
          );
        const [one, other] = [flat, [nested]].map((data) =>
          parseRequestLine(JSON.stringify({ inputs: [{ name: 'x', shape: [1, ...axes], datatype: 'INT32', data }] }), [
            { name: 'x', dataType: 'INT32', shape: [-1, ...axes] },
          ]),
        );
        assert.deepEqual(one, other);
      }),
    );
  });
});

/** Every NaN is one. */
function bits({ dtype, data }: { readonly dtype: DataType; readonly data: Uint8Array }): unknown {
  const bytes = Uint8Array.from(data);
  const view = new DataView(bytes.buffer);
  if (dtype === 'FP64') return Array.from({ length: 6 }, (_, index) => view.getFloat64(8 * index, true));
  if (dtype === 'FP32') return Array.from({ length: 6 }, (_, index) => view.getFloat32(4 * index, true));
  return dtype === 'FP16' ? Array.from({ length: 6 }, (_, index) => view.getFloat16(2 * index, true)) : bytes;
}
