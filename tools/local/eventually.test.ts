import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ToolError } from '../errors.ts';
import { eventually } from './eventually.ts';

test('returns the first truthy value', async () => {
  let calls = 0;
  assert.equal(await eventually(() => (calls += 1) >= 3 && `call ${calls}`, { interval: 1 }), 'call 3');
});

test('a throw is "not yet"', async () => {
  let calls = 0;
  const value = await eventually(
    () => {
      calls += 1;
      assert.ok(calls > 2);
      return calls;
    },
    { interval: 1 },
  );
  assert.equal(value, 3);
});

test('after the time, says what was waited for and what was seen last', async () => {
  await assert.rejects(
    eventually(() => 0, { timeout: 5, interval: 1, describe: 'the job is Complete' }),
    (error) => {
      assert.ok(error instanceof ToolError);
      assert.equal(error.code, 'NotInTime');
      assert.match(error.message, /the job is Complete, within 0\.005 s; the last value was 0/);
      return true;
    },
  );
  const cause = new Error('connection refused');
  await assert.rejects(
    eventually(
      () => {
        throw cause;
      },
      { timeout: 5, interval: 1 },
    ),
    (error: Error) => error.cause === cause && error.message.includes('the last error was Error: connection refused'),
  );
});

test('an abort ends the wait', async () => {
  const controller = new AbortController();
  const waiting = eventually(() => false, { signal: controller.signal, timeout: 60_000, interval: 30_000 });
  controller.abort();
  await assert.rejects(waiting, { name: 'AbortError' });
});
