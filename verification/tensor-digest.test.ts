import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createTensor, decodeNpy, encodeNpy, tensorOf } from '@isochrone/tensor';
import { recordDigest, tensorDigest } from './tensor-digest.ts';

/** Row vectors of FP32 by their bits, so that NaN payloads and -0 come up. */
const matrix = fc.tuple(fc.integer({ min: 1, max: 5 }), fc.nat({ max: 4 })).chain(([rows, columns]) =>
  fc
    .array(fc.oneof(fc.nat({ max: 0xffffffff }), fc.constantFrom(0x7fc00001, 0x80000000, 0x7f800001)), {
      minLength: rows * columns,
      maxLength: rows * columns,
    })
    .map((bits) => ({ ...tensorOf('UINT32', [rows, columns], Uint32Array.from(bits)), dtype: 'FP32' as const })),
);

test('a file and a message have one digest', () => {
  fc.assert(
    fc.property(matrix, fc.nat({ max: 7 }), (tensor, shift) => {
      // A protobuf buffer: the bytes start anywhere within a larger one, and the shape comes as int64.
      const message = new Uint8Array(tensor.data.byteLength + 16);
      message.set(tensor.data, shift);
      const raw = createTensor(
        'FP32',
        tensor.shape.map(BigInt),
        message.subarray(shift, shift + tensor.data.byteLength),
      );
      assert.deepEqual(tensorDigest(decodeNpy(encodeNpy(tensor))), tensorDigest(raw));
    }),
  );
});

test('one changed bit changes the digest', () => {
  fc.assert(
    fc.property(
      matrix.filter(({ data }) => data.byteLength > 0),
      fc.nat(),
      (tensor, at) => {
        const data = tensor.data.slice();
        const bit = at % (data.byteLength * 8);
        data[bit >> 3]! ^= 1 << (bit & 7);
        assert.notDeepEqual(tensorDigest({ ...tensor, data }), tensorDigest(tensor));
      },
    ),
  );
});

test('refuses what has no digest', () => {
  const x = { name: 'x', tensor: tensorOf('UINT8', [2], Uint8Array.of(1, 2)) };
  assert.throws(() => recordDigest([]), { code: 'DIGEST_NAMES' });
  assert.throws(() => recordDigest([x, x]), { code: 'DIGEST_NAMES', message: /"x"/ });
  assert.throws(() => recordDigest([{ ...x, name: '\ud800' }]), { code: 'FIELD_INVALID' });
  assert.throws(() => tensorDigest({ dtype: 'FP32', shape: [2], data: new Uint8Array(7) }), { code: 'DATA_LENGTH' });
});
