import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { layoutOf, type FieldType } from '@isochrone/tensor';
import { TaskFailure } from '../errors.ts';
import type { RuntimeLease } from '../runtime/runtime-pool.ts';
import { runRows } from './run-rows.ts';

describe("what onnxruntime cannot be given is the input's fault", () => {
  for (const [name, type, bytes, message] of [
    ['bytes that no boolean has', { dataType: 'BOOL', shape: [4] }, [0, 1, 2, 1], /BOOL element 2/],
    ['a string with a zero', { dataType: 'BYTES', shape: [], stringType: '|S4' }, [97, 0, 98, 0], /holds a zero/],
    ['a string that is not UTF-8', { dataType: 'BYTES', shape: [], stringType: '|S4' }, [0xff, 0, 0, 0], /not UTF-8/],
    ['text that is no text', { dataType: 'BYTES', shape: [], stringType: '<U1' }, [0, 0xd8, 0, 0], /0xd800/],
  ] as const satisfies readonly (readonly [string, Omit<FieldType, 'name'>, readonly number[], RegExp])[])
    test(name, async () => {
      const format = { inputs: [{ name: 'x' }], outputs: [{ name: 'y' }], fixedBatch: undefined };
      await assert.rejects(
        runRows({ format } as unknown as RuntimeLease, layoutOf([{ name: 'x', ...type }]), 1, Uint8Array.from(bytes)),
        (error: unknown) =>
          error instanceof TaskFailure && error.reason === 'InputRejected' && message.test(error.message),
      );
    });
});
