import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock, type ApiClient } from '@isochrone/kube';
import { AgentError } from '../errors.ts';
import { quietLogger } from '../testing/quiet-logger.ts';
import { renewNodeLease } from './node-lease.ts';
import type { NodeObject } from './node-object.ts';
import { NodeReporter } from './node-reporter.ts';

/** Real time, but no waiting. */
const clock = { ...systemClock, sleep: async () => new Promise<void>((resolve) => setImmediate(resolve)) };

/** What {@link NodeReporter.accepted} is told to be while the writes of the node end as given. */
async function acceptance(writes: readonly (Error | undefined)[]): Promise<boolean[]> {
  const seen: boolean[] = [];
  const stop = new AbortController();
  let count = 0;
  const write = async (): Promise<void> => {
    // The one at the end, when the reporter stops, ends like the last.
    const outcome = writes.at(Math.min(count, writes.length - 1));
    count += 1;
    if (count >= writes.length) stop.abort();
    if (outcome !== undefined) throw outcome;
  };
  const reporter = new NodeReporter({
    node: { write } as unknown as NodeObject,
    observe: () => ({ models: [], runningTasks: 0 }),
    check: async () => undefined,
    onAccepted: () => seen.push(reporter.accepted),
    clock,
    logger: quietLogger,
  });
  assert.equal(reporter.accepted, false);
  await reporter.run(stop.signal);
  return seen;
}

test("a node is the agent's from the first write that is taken to one that is refused", async () => {
  const refused = new AgentError('NODE_REFUSED', 'another key');
  const away = new Error('connection refused');
  assert.deepEqual(await acceptance([refused, refused, refused]), []);
  assert.deepEqual(await acceptance([away, undefined, away, refused, refused]), [true, false]);
});

test('a node that is not its own does not look alive', async () => {
  const stop = new AbortController();
  let [asked, renewed] = [0, 0];
  const client = {
    apply: async () => {
      renewed += 1;
      stop.abort();
    },
  } as unknown as ApiClient;
  const accepted = (): boolean => (asked += 1) > 3;
  await renewNodeLease({ client, namespace: 'n', nodeName: 'n', clock, logger: quietLogger, accepted }, stop.signal);
  assert.deepEqual([asked, renewed], [4, 1]);
});
