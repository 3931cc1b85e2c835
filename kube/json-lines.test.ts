import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { decodeJsonLines } from './json-lines.ts';

async function* chunksOf(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let start = 0;
  for (let index = 0; start < bytes.length; index++) {
    const size = sizes[index % sizes.length]!;
    yield bytes.subarray(start, start + size);
    start += size;
  }
}

async function collect(batches: AsyncIterable<unknown[]>): Promise<unknown[][]> {
  const all: unknown[][] = [];
  for await (const batch of batches) all.push(batch);
  return all;
}

describe('decodeJsonLines', () => {
  test('property: any cut of the bytes gives the same values', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.jsonValue()),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
        async (values, sizes) => {
          const bytes = Buffer.from(values.map((value) => `${JSON.stringify(value)}\n`).join(''));
          const decoded = (await collect(decodeJsonLines(chunksOf(bytes, sizes)))).flat();
          assert.deepEqual(JSON.stringify(decoded), JSON.stringify(values));
        },
      ),
    );
  });
  test('a stream that ends inside a line gives the lines before it, and an error that does not quote it', async () => {
    const lines = decodeJsonLines(chunksOf(Buffer.from('{"a":1}\n{"b"'), [3]));
    assert.deepEqual((await lines.next()).value, [{ a: 1 }]);
    await assert.rejects(lines.next(), { code: 'WATCH_FAILED', message: /ended inside an object, after 4 bytes/ });
  });
  test('a line that is not JSON is an error which does not quote it', async () => {
    const bytes = Buffer.from('{"token":"hunter2\n');
    await assert.rejects(collect(decodeJsonLines(chunksOf(bytes, [100]))), (error: Error) => {
      assert.match(error.message, /not JSON \(17 bytes\)/);
      assert.doesNotMatch(String(error.stack) + String(error.cause), /hunter2/);
      return true;
    });
  });
  test('an endless line does not fill the memory', async () => {
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) yield Buffer.alloc(1024 * 1024, 97);
    }
    await assert.rejects(collect(decodeJsonLines(endless())), /longer than/);
  });
});
