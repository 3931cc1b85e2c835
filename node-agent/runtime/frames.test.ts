import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { AgentError } from '../errors.ts';
import { FrameDecoder, encodeFrame } from './frames.ts';

const frame = fc.record({
  header: fc.dictionary(fc.string(), fc.oneof(fc.integer(), fc.string())).map((entries) => ({ ...entries })),
  body: fc.uint8Array({ maxLength: 300 }),
});

describe('frames', () => {
  test('come out as they went in, however the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 5 }),
        fc.infiniteStream(fc.integer({ min: 1, max: 64 })),
        (frames, cuts) => {
          const stream = Buffer.concat(frames.flatMap(({ header, body }) => encodeFrame(header, [body])));
          const decoder = new FrameDecoder();
          const decoded = [];
          for (let at = 0; at < stream.byteLength;) {
            const length = cuts.next().value as number;
            decoded.push(...decoder.push(stream.subarray(at, at + length)));
            at += length;
          }
          const plain = (list: readonly { header: object; body: Uint8Array }[]): unknown =>
            list.map(({ header, body }) => [JSON.stringify(header), Buffer.from(body).toString('hex')]);
          assert.deepEqual(plain(decoded), plain(frames));
        },
      ),
    );
  });

  test('a body starts its own buffer, so that 8-byte elements are aligned', () => {
    const stream = Buffer.concat(encodeFrame({ odd: 'x' }, [new Uint8Array(8), new Uint8Array(8)]));
    const [only] = new FrameDecoder().push(stream);
    assert.equal(only!.body.byteOffset, 0);
    assert.equal(new BigInt64Array(only!.body.buffer).length, 2);
  });

  const prefix = (header: number, text: string): Buffer => {
    const bytes = Buffer.alloc(8);
    bytes.writeUInt32LE(header, 0);
    return Buffer.concat([bytes, Buffer.from(text)]);
  };
  for (const [name, bytes] of [
    ['a header that claims gigabytes', prefix(0xffffffff, '')],
    ['a header that is no JSON', prefix(3, 'abc')],
    ['a header that is no object', prefix(4, '[12]')],
  ] as const) {
    test(`refuses ${name}`, () => {
      assert.throws(
        () => new FrameDecoder().push(bytes),
        (error: unknown) => error instanceof AgentError && error.code === 'FRAME_INVALID',
      );
    });
  }
});
