import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { openLedger } from '@isochrone/ledger';
import { makeJob, makeModel, jobUID } from './testing/objects.ts';
import { SimulatedWorld, type Behaviour, type SimulatedNode } from './testing/simulated-world.ts';

/** mulberry32: small, and good enough to choose what happens. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let word = Math.imul(state ^ (state >>> 15), 1 | state);
    word = (word + Math.imul(word ^ (word >>> 7), 61 | word)) ^ word;
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
  };
}

const bad: readonly Behaviour[] = [
  'Cheats',
  'DeliversOther',
  'Fails',
  'Vanishes',
  'NeverOpens',
  'LosesTasks',
  'Blames',
];

const scenario = fc.record({
  seed: fc.integer(),
  honest: fc.constantFrom(3, 3, 1),
  bad: fc.array(fc.constantFrom(...bad), { maxLength: 4 }),
  courts: fc.constantFrom(2, 2, 1),
  shards: fc.integer({ min: 1, max: 9 }),
  parallelism: fc.integer({ min: 1, max: 4 }),
  mode: fc.constantFrom('Sampled' as const, 'Full' as const),
  crashes: fc.constantFrom(0, 0.05, 0.2),
  doubt: fc.constantFrom(0, 0, 0.1),
  isPoisoned: fc.constantFrom(false, false, true),
  budget: fc.constantFrom('100.00', '100.00', '0.000500'),
  interruption: fc.constantFrom('none', 'none', 'suspend', 'delete'),
});

function fleet(honest: number, behaviours: readonly Behaviour[], courts: number): SimulatedNode[] {
  const edge = [...Array.from({ length: honest }, () => 'Honest' as const), ...behaviours].map((behaviour, index) => ({
    cluster: `c${index}`,
    name: `n${index}`,
    provider: `p${index}`,
    isTrusted: false,
    behaviour,
    price: 100_000 + index,
  }));
  const trusted = ['court', 'appeal'].slice(0, courts).map((cluster) => ({
    cluster,
    name: 'judge',
    provider: 'federation',
    isTrusted: true,
    behaviour: 'Honest' as const,
    price: 100_000,
  }));
  return [...edge, ...trusted];
}

/** The step after which the operator lives on: while it dies every few actions, it may look at everything again for ever. */
const calmAfter = 1000;

test('a job ends, each shard is paid once and only for right rows, money is kept, and no honest node loses trust', async () => {
  await fc.assert(
    fc.asyncProperty(scenario, async (given) => {
      const clock = { now: 1_700_000_000_000 };
      const ledger = openLedger(':memory:', { now: () => clock.now });
      const token = await ledger.acquireLeadership('test');
      await ledger.deposit({ namespace: 'vision', amount: 1_000_000_000n, idempotencyKey: 'd' });
      const nodes = fleet(given.honest, given.bad, given.courts);
      let step = 0;
      const world = new SimulatedWorld({
        nodes,
        job: makeJob({
          parallelism: given.parallelism,
          verification: { mode: given.mode, minSamplePercent: 20 },
          budget: { total: given.budget },
        }),
        model: makeModel(),
        records: given.shards * 10,
        clock,
        ledger,
        token,
        random: seeded(given.seed),
        crashes: () => (step < calmAfter ? given.crashes : 0),
        poisoned: new Set(given.isPoisoned ? [0] : []),
        doubt: given.doubt,
      });
      world.job = { ...world.job, metadata: { ...world.job.metadata, finalizers: [] } };
      const isEnded = (): boolean => world.isGone || ['Complete', 'Failed'].includes(world.job.status?.phase ?? '');
      for (; step < 5000 && !(isEnded() && world.tasks.size === 0); step++) {
        if (step === 25 && given.interruption === 'suspend')
          world.job = { ...world.job, spec: { ...world.job.spec, suspend: true } };
        if (step === 60) world.job = { ...world.job, spec: { ...world.job.spec, suspend: false } };
        if (step === 25 && given.interruption === 'delete')
          world.job = { ...world.job, metadata: { ...world.job.metadata, deletionTimestamp: '2026-11-01T00:00:00Z' } };
        await world.step();
        const attempts = await world.attempts();
        const committed = attempts
          .filter(({ state }) => state !== 'Refunded')
          .reduce((sum, { amount }) => sum + amount, 0n);
        assert.ok(committed <= BigInt(Math.round(Number(given.budget) * 1e6)), 'never more than the budget');
      }
      assert.ok(isEnded(), `ended: ${JSON.stringify(world.job.status?.message)}`);
      for (let more = 0; more < 5; more++) await world.step();

      await ledger.check();
      const attempts = await world.attempts();
      assert.deepEqual(
        attempts.filter(({ state }) => state === 'Held'),
        [],
        'nothing is held',
      );
      assert.equal(world.tasks.size, 0, 'nothing runs');
      const paid = attempts.filter(({ purpose, state }) => purpose === 'Work' && state === 'Released');
      for (const { attempt } of paid)
        assert.ok(!world.wrongRows.has(attempt), `wrong rows of attempt ${attempt} were paid`);
      for (const { reason, verifies } of attempts) {
        if (reason !== 'Superseded' || given.interruption !== 'none' || given.doubt > 0) continue;
        if (world.job.status?.phase !== 'Complete') continue;
        const judged = attempts.find(({ attempt }) => attempt === verifies);
        assert.equal(
          judged?.reason,
          'VerificationInconclusive',
          'who re-executes is paid, whatever becomes of the work',
        );
      }
      const { balance, spent, held } = await ledger.namespaceAccount('vision');
      assert.equal(balance + spent + held, 1_000_000_000n);
      for (const name of world.quarantined) {
        const node = nodes.find((one) => `${one.cluster}/${one.name}` === name)!;
        assert.ok(
          node.behaviour === 'Cheats' || node.behaviour === 'DeliversOther',
          `${node.behaviour} node ${name} was quarantined`,
        );
      }
      const indices = paid.flatMap(({ shards }) => shards.map(({ index }) => index));
      assert.equal(new Set(indices).size, indices.length);
      if (world.job.status?.phase === 'Complete') {
        assert.equal(indices.length, given.shards);
        assert.ok(paid.every(({ shards }) => shards.every(({ output }) => output !== undefined)));
        assert.ok(world.manifests > 0);
      } else
        assert.ok(world.manifests === 0 || indices.length === given.shards, 'no manifest before every shard is paid');
      const mustComplete =
        given.honest === 3 &&
        given.courts === 2 &&
        given.interruption !== 'delete' &&
        !given.isPoisoned &&
        given.doubt === 0 &&
        given.budget === '100.00';
      if (mustComplete) assert.equal(world.job.status?.phase, 'Complete', world.job.status?.message);
      if (given.isPoisoned && given.interruption !== 'delete' && given.budget === '100.00')
        assert.equal(world.job.status?.phase, 'Failed');
      assert.equal(world.memory.uid, jobUID);
      await ledger.close();
    }),
    {
      numRuns: 80,
      endOnFailure: true,
      examples: [
        [
          {
            seed: 2115528985,
            honest: 3,
            courts: 2,
            bad: ['Vanishes', 'LosesTasks', 'Cheats'],
            shards: 9,
            parallelism: 4,
            mode: 'Full',
            crashes: 0.2,
            doubt: 0,
            isPoisoned: false,
            budget: '100.00',
            interruption: 'none',
          },
        ],
      ],
    },
  );
});
