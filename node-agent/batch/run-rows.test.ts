import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TaskFailure } from '../errors.ts';
import type { RuntimeLease } from '../runtime/runtime-pool.ts';
import { runRows } from './run-rows.ts';

test("bytes that no boolean has are the input's fault", async () => {
  const boolean = { dataType: 'BOOL', shape: [-1, 4] } as const;
  const lease = {
    format: { input: { name: 'x', ...boolean }, output: { name: 'y', ...boolean }, fixedBatch: undefined },
  } as unknown as RuntimeLease;
  await assert.rejects(
    runRows(lease, { dataType: 'BOOL', shape: [4], count: 1, rows: Uint8Array.of(0, 1, 2, 1) }),
    (error: unknown) =>
      error instanceof TaskFailure && error.reason === 'InputRejected' && /BOOL element 2/.test(error.message),
  );
});
