import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Registry } from 'prom-client';
import type { ApiClient } from './client.ts';
import type { RequestOptions } from './requests.ts';
import { aborted } from './clock.ts';
import type { Lease } from './core.ts';
import { FakeClock } from './fake-clock.ts';
import { LeaderElector, type LeaderElectorOptions } from './leader-elector.ts';
import { Metrics } from './metrics.ts';
import { ModelApi } from './model-api.ts';
import { RecordingLogger } from './recording-logger.ts';

const key = 'system/operator';

/** A process that competes until it is stopped, with a network of its own that can fail. */
function candidate(
  api: ModelApi<Lease>,
  clock: FakeClock,
  identity: string,
  options: Partial<LeaderElectorOptions> = {},
) {
  const network = { isUp: true, losesAnswers: false, delayMilliseconds: 0 };
  const call =
    <A extends unknown[], R>(method: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      if (!network.isUp) throw new TypeError('network is unreachable');
      const { signal, timeoutMilliseconds } = args.at(-1) as RequestOptions;
      // As the real client does it: what takes too long is given up, though it may take effect all the same.
      const over = new AbortController();
      const limit = clock.setTimeout(() => over.abort(new Error('not done in time')), timeoutMilliseconds!);
      const send = async (): Promise<R> => {
        if (network.delayMilliseconds > 0) await clock.sleep(network.delayMilliseconds);
        return method(...args);
      };
      try {
        const given = AbortSignal.any([...(signal === undefined ? [] : [signal]), over.signal]);
        const answer = await Promise.race([
          send(),
          aborted(given).then(() => {
            throw given.reason as Error;
          }),
        ]);
        if (network.losesAnswers) throw new TypeError('socket hang up');
        return answer;
      } finally {
        limit.cancel();
      }
    };
  const client = {
    find: call(api.find.bind(api)),
    create: call(api.create.bind(api)),
    replace: call(api.replace.bind(api)),
  };
  const elector = new LeaderElector({
    client: client as unknown as Pick<ApiClient, 'find' | 'create' | 'replace'>,
    lease: { namespace: 'system', name: 'operator' },
    identity,
    logger: new RecordingLogger(),
    metrics: new Metrics(new Registry()),
    clock,
    random: () => 0.5,
    ...options,
  });
  const stop = new AbortController();
  /** As the lease had them when each leadership began. */
  const transitions: number[] = [];
  let isActing = false;
  const outcome = elector.run(stop.signal, async (leading) => {
    isActing = true;
    transitions.push(api.objects.get(key)!.spec!.leaseTransitions!);
    await aborted(leading);
    isActing = false;
  });
  return { elector, network, stop, transitions, outcome, isActing: () => isActing };
}

describe('LeaderElector', () => {
  test('one leads; on a clean stop it releases, and the other leads at once, with a transition more', async () => {
    const api = new ModelApi<Lease>();
    const clock = new FakeClock();
    const first = candidate(api, clock, 'a');
    await clock.advance(1);
    const second = candidate(api, clock, 'b');
    await clock.advance(60_000);
    assert.equal(first.elector.isLeader, true);
    assert.equal(second.isActing(), false);
    assert.equal(second.elector.holder, 'a');
    first.stop.abort();
    await clock.advance(3_000);
    assert.equal(await first.outcome, 'stopped');
    assert.equal(second.elector.isLeader, true);
    assert.deepEqual(first.transitions, [0]);
    assert.deepEqual(second.transitions, [1]);
    assert.equal(second.elector.holder, 'b');
    second.stop.abort();
    await clock.advance(1);
    assert.equal(await second.outcome, 'stopped');
    assert.equal(api.objects.get(key)?.spec?.holderIdentity, '');
  });

  test('a cut-off leader stops at the renew deadline, before another may begin', async () => {
    const api = new ModelApi<Lease>();
    const clock = new FakeClock();
    const first = candidate(api, clock, 'a');
    await clock.advance(1);
    const second = candidate(api, clock, 'b');
    await clock.advance(20_000);
    first.network.isUp = false;
    const cutAt = clock.monotonic();
    let lostAt = 0;
    let takenAt = 0;
    for (let tick = 0; tick < 400 && takenAt === 0; tick++) {
      await clock.advance(100);
      if (lostAt === 0 && !first.isActing()) lostAt = clock.monotonic() - cutAt;
      if (second.isActing()) takenAt = clock.monotonic() - cutAt;
      assert.ok(!(first.isActing() && second.isActing()), 'two leaders at once');
    }
    assert.equal(await first.outcome, 'lost');
    assert.ok(lostAt <= 10_000, `stopped acting after ${lostAt} ms`);
    assert.ok(takenAt > lostAt && takenAt <= 20_000, `taken over after ${takenAt} ms`);
    second.stop.abort();
    await clock.advance(1);
    await second.outcome;
  });

  test('a takeover waits for the end of the term alone, not for the next look after it', async () => {
    const api = new ModelApi<Lease>();
    const clock = new FakeClock();
    const first = candidate(api, clock, 'a');
    await clock.advance(1);
    const second = candidate(api, clock, 'b');
    // Looks are 2 200 ms apart, so that none would come 15 000 ms after another.
    await clock.advance(2_200);
    const seenAt = clock.monotonic();
    first.network.isUp = false;
    await clock.advance(14_999);
    assert.equal(second.isActing(), false);
    await clock.advance(1);
    assert.equal(second.isActing(), true, `taken over ${clock.monotonic() - seenAt} ms after the last sign of life`);
    second.stop.abort();
    await clock.advance(1);
    await Promise.all([first.outcome, second.outcome]);
  });

  test('a leader whose requests are slow stops at the renew deadline, while one is still under way', async () => {
    const api = new ModelApi<Lease>();
    const clock = new FakeClock();
    const first = candidate(api, clock, 'a');
    await clock.advance(1);
    const second = candidate(api, clock, 'b');
    await clock.advance(2_500);
    // Somebody annotates the lease, so that the next renewal meets a conflict and needs three requests.
    const lease = api.objects.get(key)!;
    api.put({ ...lease, metadata: { ...lease.metadata, annotations: { seen: 'true' } } });
    first.network.delayMilliseconds = 4_900;
    for (let tick = 0; tick < 400 && !second.isActing(); tick++) {
      await clock.advance(100);
      assert.ok(!(first.isActing() && second.isActing()), 'two leaders at once');
      assert.equal(first.isActing(), first.elector.isLeader, 'acts exactly while it may');
    }
    assert.equal(second.isActing(), true);
    assert.equal(await first.outcome, 'lost');
    second.stop.abort();
    await clock.advance(1);
    await second.outcome;
  });

  test('one request that gets stuck does not cost the leadership', async () => {
    const api = new ModelApi<Lease>();
    const clock = new FakeClock();
    const leader = candidate(api, clock, 'a');
    await clock.advance(5_000);
    leader.network.delayMilliseconds = 60_000;
    await clock.advance(2_000);
    leader.network.delayMilliseconds = 0;
    await clock.advance(30_000);
    assert.equal(leader.transitions.length, 1);
    assert.equal(leader.elector.isLeader, true);
    leader.stop.abort();
    await clock.advance(1);
    assert.equal(await leader.outcome, 'stopped');
  });

  test('renewals whose answers are lost do not cost the leadership', async () => {
    const api = new ModelApi<Lease>();
    const clock = new FakeClock();
    const leader = candidate(api, clock, 'a');
    await clock.advance(5_000);
    leader.network.losesAnswers = true;
    await clock.advance(4_000);
    leader.network.losesAnswers = false;
    await clock.advance(30_000);
    assert.equal(leader.elector.isLeader, true);
    leader.stop.abort();
    await clock.advance(1);
    assert.equal(await leader.outcome, 'stopped');
  });

  test('a new process with the same identity waits, and counts as another', async () => {
    const api = new ModelApi<Lease>();
    const clock = new FakeClock();
    const crashed = candidate(api, clock, 'a');
    await clock.advance(1);
    crashed.network.isUp = false;
    const restarted = candidate(api, clock, 'a');
    await clock.advance(14_000);
    assert.equal(restarted.isActing(), false);
    await clock.advance(6_000);
    assert.equal(restarted.isActing(), true);
    assert.equal(restarted.transitions[0], 1);
    restarted.stop.abort();
    await clock.advance(1);
    await restarted.outcome;
    assert.equal(await crashed.outcome, 'lost');
  });

  test('a lease taken by force is noticed at the next renewal', async () => {
    const api = new ModelApi<Lease>();
    const clock = new FakeClock();
    const leader = candidate(api, clock, 'a');
    await clock.advance(1);
    const lease = api.objects.get(key)!;
    api.put({ ...lease, spec: { ...lease.spec, holderIdentity: 'thief' } });
    await clock.advance(2_500);
    assert.equal(await leader.outcome, 'lost');
    assert.equal(api.objects.get(key)?.spec?.holderIdentity, 'thief', 'it must not release what is not its own');
  });

  test('releases after lead threw, and rejects with its error', async () => {
    const api = new ModelApi<Lease>();
    const elector = new LeaderElector({
      client: api as unknown as Pick<ApiClient, 'find' | 'create' | 'replace'>,
      lease: { namespace: 'system', name: 'operator' },
      identity: 'a',
      logger: new RecordingLogger(),
      metrics: new Metrics(new Registry()),
    });
    const failing = elector.run(new AbortController().signal, () => Promise.reject(new Error('boom')));
    await assert.rejects(failing, /boom/);
    assert.equal(api.objects.get(key)?.spec?.holderIdentity, '');
  });

  test('a stop that comes while the lease is being taken gives it back, and nothing is led', async () => {
    const api = new ModelApi<Lease>();
    const stop = new AbortController();
    const elector = new LeaderElector({
      client: {
        find: api.find.bind(api),
        replace: api.replace.bind(api),
        create: async (...args: Parameters<typeof api.create>) => {
          stop.abort();
          return api.create(...args);
        },
      } as unknown as Pick<ApiClient, 'find' | 'create' | 'replace'>,
      lease: { namespace: 'system', name: 'operator' },
      identity: 'a',
      logger: new RecordingLogger(),
      metrics: new Metrics(new Registry()),
      clock: new FakeClock(),
    });
    const outcome = await elector.run(stop.signal, () => assert.fail('led after the stop'));
    assert.equal(outcome, 'stopped');
    assert.equal(api.objects.get(key)?.spec?.holderIdentity, '');
  });

  test('refuses spans that leave no room', () => {
    const base = {
      client: new ModelApi<Lease>() as unknown as Pick<ApiClient, 'find' | 'create' | 'replace'>,
      lease: { namespace: 'system', name: 'operator' },
      identity: 'a',
      logger: new RecordingLogger(),
      metrics: new Metrics(new Registry()),
    };
    assert.throws(() => new LeaderElector({ ...base, leaseDurationMilliseconds: 9_000 }), /must exceed/);
    assert.throws(() => new LeaderElector({ ...base, leaseDurationMilliseconds: 15_500 }), /whole seconds/);
    assert.throws(() => new LeaderElector({ ...base, identity: '' }), /identity is empty/);
  });

  test('property: whatever the network does, never two act at once, and transitions only grow', async () => {
    const step = fc.record({
      who: fc.nat(2),
      does: fc.constantFrom('down' as const, 'up' as const, 'lose' as const, 'slow' as const, 'wait' as const),
      milliseconds: fc.integer({ min: 0, max: 12_000 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
        const api = new ModelApi<Lease>();
        const clock = new FakeClock();
        const all = ['a', 'b', 'c'].map((identity) => candidate(api, clock, identity));
        const granted: number[] = [];
        for (const { who, does, milliseconds } of steps) {
          const { network } = all[who]!;
          if (does !== 'wait') {
            network.isUp = does !== 'down';
            network.losesAnswers = does === 'lose';
            network.delayMilliseconds = does === 'slow' ? milliseconds : 0;
          }
          for (let passed = 0; passed < milliseconds; passed += 500) {
            await clock.advance(500);
            const acting = all.filter((one) => one.isActing());
            assert.ok(acting.length <= 1, `${acting.length} leaders at once`);
            const transitions = acting[0]?.transitions.at(-1);
            if (transitions !== undefined && transitions !== granted.at(-1)) granted.push(transitions);
          }
        }
        for (const [index, one] of granted.entries()) assert.ok(one > (granted[index - 1] ?? -1));
        for (const one of all) {
          one.network.isUp = true;
          one.network.losesAnswers = false;
          one.network.delayMilliseconds = 0;
          one.stop.abort();
        }
        // A request under way may take half of the renew deadline.
        await clock.advance(5_000);
        await Promise.all(all.map((one) => one.outcome));
      }),
      { numRuns: 40 },
    );
  });
});
