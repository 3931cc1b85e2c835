import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { dirname } from 'node:path';
import { after, describe, test } from 'node:test';
import type { InferenceJob } from '@isochrone/api';
import { isConditionTrue } from '@isochrone/kube';
import { inputNpy, inputRows, linear, linearModel } from '../e2e/models.ts';
import { member } from '../harness/members.ts';
import { resultOf } from '../harness/settled.ts';
import { startTestFederation } from '../harness/test-federation.ts';
import { checkHistory } from './checker.ts';
import { History } from './history.ts';
import { integerBetween, seeded, shuffled } from './random.ts';
import { Recorder } from './recorder.ts';
import { runtimeChildren } from './runtime-children.ts';

const seed = Number(process.env['CHAOS_SEED'] ?? randomInt(2 ** 31));
const rounds = Number(process.env['CHAOS_ROUNDS'] ?? 6);
const random = seeded(seed);
console.log(`CHAOS_SEED=${seed} CHAOS_ROUNDS=${rounds}`);

const RECORDS = 96;
const RECORDS_PER_SHARD = 8;
/** About as many changes as a round has that nothing disturbs. */
const CHANGES = 40;
const edges = ['alpha', 'beta'] as const;

// Taken apart from its end: the recorder stops before what it reads is closed.
const stack = new AsyncDisposableStack();
after(() => stack.disposeAsync());
const world = await startTestFederation(
  {
    members: [member('hub', '0.30'), member('alpha', '0.20'), member('beta', '0.24')],
    // An edge that is dead while the hub acknowledges and deletes a task keeps the result for an hour.
    flags: { edge: { 'outbox-seconds': '3' } },
  },
  stack,
);
const { federation } = world;
// With CHAOS_HISTORY the history is kept in that file.
const history = new History(Date.now, process.env['CHAOS_HISTORY']);
history.add({ kind: 'Run', seed, options: { rounds } });
const recorder = new Recorder(world, history);
stack.defer(() => recorder.stop());
await recorder.start();

await world.put('input.npy', inputNpy(RECORDS));
await world.deposit('100.00');
await world.createModel('linear', linearModel({ turns: 15_000 }), { maxBatchSize: 1 });
const expected = Buffer.from(linear(inputRows(RECORDS)).buffer);

type Victim = () => Promise<string>;

/** `kill -9`, and at once again, as a supervisor would. */
const program =
  (name: string): Victim =>
  async () => {
    await federation.programs.kill9(name);
    await federation.programs.start(name);
    return name;
  };

let runtimesKilled = 0;
/** The agent itself starts another. */
const runtimeOf =
  (node: string): Victim =>
  async () => {
    const children = await runtimeChildren(node, dirname(federation.ledger));
    for (const pid of children) process.kill(pid, 'SIGKILL');
    runtimesKilled += children.length;
    return `${children.length} runtime(s) of ${node}`;
  };

const onEdge = (victim: (edge: string) => Victim): Victim => victim(edges[integerBetween(random, 0, 1)]!);

/** Each kind comes equally often; which edge it is, and when, the seed says. */
const kinds: readonly (() => Victim)[] = [
  () => program('operator'),
  () => program('scheduler'),
  () => onEdge((edge) => program(`edge-${edge}`)),
  () => onEdge((edge) => program(`agent-${edge}-1`)),
  () => onEdge((edge) => program(`verifier-${edge}-1`)),
  () => onEdge((edge) => runtimeOf(`${edge}-1`)),
];
const deck: Victim[] = [];
while (deck.length < 2 * rounds) deck.push(...shuffled(random, kinds).map((kind) => kind()));

/** Kills at two moments of the round. */
async function disturb(round: number): Promise<string[]> {
  const start = recorder.changes;
  const moments = [integerBetween(random, 1, CHANGES), integerBetween(random, 1, CHANGES)].sort((a, b) => a - b);
  const told: string[] = [];
  for (const [index, moment] of moments.entries()) {
    await recorder.reach(start + moment);
    const at = recorder.changes - start;
    const victim = await deck[2 * round + index]!();
    history.add({ kind: 'Fault', fault: `kill -9 ${victim}`, phase: 'Injected' });
    told.push(`${victim} at change ${at}`);
  }
  return told;
}

describe(`kill -9 at random moments, CHAOS_SEED=${seed}`, () => {
  for (let round = 0; round < rounds; round++) {
    test(`round ${round + 1} of ${rounds}`, { timeout: 150_000 }, async (context) => {
      // When processes are killed while jobs run, one after another until the last kill of the round has fallen
      let isOver = false;
      const disturbed = disturb(round).finally(() => (isOver = true));
      disturbed.catch(() => undefined); // told by the await below
      const jobs: InferenceJob[] = [];
      do {
        const name = `round-${round}-${jobs.length}`;
        await world.createJob(name, { recordsPerShard: RECORDS_PER_SHARD, verification: { minSamplePercent: 10 } });
        jobs.push(await world.completed(name, { timeout: 120_000 }));
      } while (!isOver);
      context.diagnostic(`${(await disturbed).join(', ')}; ${jobs.length} job(s)`);

      // Then the result is right, the history keeps every promise, the books prove themselves, and nobody is accused
      for (const job of jobs) assert.deepEqual(Buffer.from(await resultOf(world, job)), expected);
      await recorder.quiet();
      assert.deepEqual(checkHistory(history.entries), []);
      await world.ledger.check();
      for (const { metadata, status } of await world.nodes()) {
        assert.ok(isConditionTrue(status?.conditions, 'Trusted'), `${metadata.name} is accused`);
      }
    });
  }

  // Three rounds deal every kind once.
  test('runtime processes were among the killed', { skip: rounds < 3 }, () => assert.ok(runtimesKilled > 0));
});
