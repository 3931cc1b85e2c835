import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Claims } from './capacity/claims.ts';
import type { TaskRequest } from './framework/request.ts';
import { Scheduler } from './scheduler.ts';
import type { Fleet } from './table/fleet.ts';
import { GIB, MODEL, makeClaims, makeFleet, makeRequest, type Member } from './testing/fixtures.ts';

function makeScheduler(fleet: Fleet, seed = 1, claims: Claims = makeClaims(fleet)): Scheduler {
  return new Scheduler({ fleet, claims, valueOfTime: 0.3, seed });
}

function chosen(fleet: Fleet, fields: Partial<TaskRequest>): string | undefined {
  return makeScheduler(fleet).place(makeRequest(fields)).binding?.cluster;
}

const cpu = { executionProviders: ['CPU'] as const };

describe('place', () => {
  test('binds with everything that a task needs to be made of', () => {
    const fleet = makeFleet({ name: 'n', device: { executionProviders: ['CPU', 'CUDA'] } });
    const { binding, explanation, outcome } = makeScheduler(fleet).place(makeRequest());
    assert.deepEqual(binding, {
      ...{ cluster: 'n', node: 'n', provider: 'n', deviceUuid: 'n', executionProvider: 'CUDA', price: 100_000 },
      predictedMilliseconds: explanation.candidates[0]!.predictedMilliseconds,
    });
    assert.equal(outcome, 'scheduled');
    assert.equal(explanation.message, '1/1 nodes fit');
  });

  test('Cost takes the cheapest, Latency the fastest, Balanced weighs the two', () => {
    const fleet = makeFleet(
      { name: 'cheap', device: cpu, node: { price: 1000 } },
      { name: 'fast', node: { price: 2000 } },
    );
    assert.equal(chosen(fleet, { strategy: 'COST' }), 'cheap');
    assert.equal(chosen(fleet, { strategy: 'LATENCY' }), 'fast');
    assert.equal(chosen(fleet, { strategy: 'BALANCED' }), 'fast');
    const dear = makeFleet({ name: 'cheap', device: cpu }, { name: 'fast', node: { price: 900_000 } });
    assert.equal(chosen(dear, { strategy: 'BALANCED' }), 'cheap');
  });

  test('among equal prices Cost takes the fastest, among equal times Latency the cheapest', () => {
    assert.equal(chosen(makeFleet({ name: 'slow', device: cpu }, { name: 'fast' }), { strategy: 'COST' }), 'fast');
    const prices = makeFleet({ name: 'dear' }, { name: 'cheap', node: { price: 99_999 } });
    assert.equal(chosen(prices, { strategy: 'LATENCY' }), 'cheap');
  });

  test('the parts of a score add up to it, in the order of preference', () => {
    const fleet = makeFleet(
      ...['a', 'b', 'c', 'd'].map((name, index) => ({ name, node: { price: 1e5 * (index + 1) } })),
    );
    const { candidates } = makeScheduler(fleet).place(makeRequest({ inputBytes: 1_000_000 })).explanation;
    assert.deepEqual(
      candidates.map(({ node }) => node),
      ['a', 'b', 'c'],
    );
    assert.deepEqual(
      candidates[0]!.scores.map(({ plugin }) => plugin),
      ['DataDistance', 'ModelWarm', 'ServiceTime', 'Price'],
    );
    const sums = candidates.map(({ scores }) => scores.reduce((sum, { micros }) => sum + micros, 0));
    assert.deepEqual(
      sums,
      [...sums].sort((a, b) => a - b),
    );
    assert.equal(candidates[0]!.price, 100);
  });

  test('a warm, measured node wins from a cold one', () => {
    const models = [{ sha256: MODEL, nanosecondsPerRecord: 100_000 }];
    assert.equal(
      chosen(makeFleet({ name: 'cold' }, { name: 'warm', node: { models } }), { strategy: 'LATENCY' }),
      'warm',
    );
  });

  test('the best device of a node is taken, and the node is counted once', () => {
    const fleet = makeFleet({ name: 'n' });
    const device = { memoryBytes: 8 * GIB, computeCapability: 89, executionProviders: ['CUDA'] as const, slots: 1 };
    fleet.putNode({
      ...{ cluster: 'n', name: 'n', ready: true, trusted: true, cordoned: false, price: 1, models: [] },
      devices: [
        { ...device, uuid: 'small', memoryBytes: GIB },
        { ...device, uuid: 'large' },
      ],
    });
    const scheduler = makeScheduler(fleet);
    const placed = scheduler.place(makeRequest({ deviceMemory: 2 * GIB }));
    assert.equal(placed.binding?.deviceUuid, 'large');
    assert.equal(placed.explanation.message, '1/1 nodes fit');
    // Full now: that device came further than the one that is too small.
    const second = scheduler.place(makeRequest({ attempt: 2, deviceMemory: 2 * GIB }));
    assert.equal(second.explanation.message, '0/1 nodes fit: 1 DeviceCapacity');
  });

  test('Latency takes the faster node also where time is worth nothing', () => {
    const fleet = makeFleet({ name: 'slow', device: cpu, node: { price: 1 } }, { name: 'fast', node: { price: 2 } });
    const scheduler = new Scheduler({ fleet, claims: makeClaims(fleet), valueOfTime: 0, seed: 1 });
    assert.equal(scheduler.place(makeRequest({ strategy: 'LATENCY' })).binding?.node, 'fast');
  });

  test('equal nodes share the load, differently by seed and the same by the same seed', () => {
    const names = Array.from({ length: 8 }, (_, index) => `n${index}`);
    const spread = (seed: number): string[] => {
      const fleet = makeFleet(...names.map((name) => ({ name, device: { slots: 64, memoryBytes: 64 * GIB } })));
      const scheduler = makeScheduler(fleet, seed);
      return Array.from({ length: 64 }, (_, index) => {
        const request = makeRequest({ workUid: `w${index}` });
        const { binding } = scheduler.explain([request])[0]!;
        return binding!.node;
      });
    };
    const counts = names.map((name) => spread(1).filter((node) => node === name).length);
    assert.ok(Math.min(...counts) >= 2 && Math.max(...counts) <= 18, counts.join(' '));
    assert.deepEqual(spread(1), spread(1));
    assert.notDeepEqual(spread(1), spread(2));
  });

  test('an attempt keeps its binding; another attempt is another one', () => {
    const scheduler = makeScheduler(makeFleet({ name: 'n', device: { slots: 1 } }));
    const first = scheduler.place(makeRequest());
    const again = scheduler.place(makeRequest());
    assert.deepEqual(again.binding, first.binding);
    assert.equal(again.outcome, 'repeated');
    assert.equal(scheduler.place(makeRequest({ attempt: 2 })).binding, undefined);
  });

  const others: { name: string; fields: Partial<TaskRequest>; cluster: string | undefined }[] = [
    { name: 'an excluded node', fields: { excludedNodes: ['n/n'] }, cluster: 'm' },
    { name: 'an excluded cluster', fields: { excludedClusters: ['n'] }, cluster: 'm' },
    { name: 'an excluded provider', fields: { excludedProviders: ['n'] }, cluster: 'm' },
    { name: 'a lower cap', fields: { maxPrice: 1 }, cluster: undefined },
    { name: 'a forbidden country', fields: { allowedCountries: ['US'] }, cluster: undefined },
    { name: 'trusted work', fields: { trusted: true }, cluster: undefined },
  ];
  for (const { name, fields, cluster } of others) {
    test(`an attempt that asks for something else is decided anew, and keeps nothing of before: ${name}`, () => {
      const fleet = makeFleet({ name: 'n', device: { slots: 1 } }, { name: 'm', node: { price: 200_000 } });
      const claims = makeClaims(fleet);
      const scheduler = makeScheduler(fleet, 1, claims);
      assert.equal(scheduler.place(makeRequest()).binding?.cluster, 'n');
      const { binding, outcome } = scheduler.place(makeRequest(fields));
      assert.equal(binding?.cluster, cluster);
      assert.notEqual(outcome, 'repeated');
      assert.equal(claims.assumed, cluster === undefined ? 0 : 1);
      assert.equal(scheduler.place(makeRequest({ workUid: 'other' })).binding?.cluster, 'n');
    });
  }

  test('an attempt leaves a node that was quarantined, unless its task runs there', () => {
    const quarantined = { ready: true, trusted: false, cordoned: false, price: 1, models: [] };
    const setUp = (runs: boolean): string | undefined => {
      const fleet = makeFleet({ name: 'n' }, { name: 'm', node: { price: 200_000 } });
      const claims = makeClaims(fleet);
      const scheduler = makeScheduler(fleet, 1, claims);
      const { cluster, node, deviceUuid } = scheduler.place(makeRequest()).binding!;
      const task = { workUid: 'work', attempt: 1, cluster, node, deviceUuid, memoryBytes: GIB, finished: false };
      if (runs) claims.observe('edge-n/t', { ...task, executionProvider: 'CUDA' });
      fleet.putNode({
        ...{ cluster: 'n', name: 'n', ...quarantined },
        devices: [{ ...cpu, uuid: 'n', memoryBytes: 8 * GIB, computeCapability: 89, slots: 2 }],
      });
      return scheduler.place(makeRequest()).binding?.cluster;
    };
    assert.equal(setUp(false), 'm');
    assert.equal(setUp(true), 'n');
  });

  test('what is withdrawn is free at once; what a task holds stays', () => {
    const fleet = makeFleet({ name: 'n', device: { slots: 1 } });
    const claims = makeClaims(fleet);
    const scheduler = makeScheduler(fleet, 1, claims);
    scheduler.place(makeRequest());
    scheduler.withdraw({ workUid: 'work', attempt: 1 });
    const { cluster, node, deviceUuid } = scheduler.place(makeRequest({ workUid: 'other' })).binding!;
    const task = { workUid: 'other', attempt: 1, cluster, node, deviceUuid, memoryBytes: GIB, finished: false };
    claims.observe('edge-n/t', { ...task, executionProvider: 'CUDA' });
    scheduler.withdraw({ workUid: 'other', attempt: 1 });
    assert.equal(scheduler.place(makeRequest()).binding, undefined);
  });

  test('a task of before the restart whose node left is not given a made-up price', () => {
    const fleet = makeFleet();
    const claims = makeClaims(fleet);
    claims.observe('edge-n/t', {
      ...{ workUid: 'work', attempt: 1, cluster: 'n', node: 'n', deviceUuid: 'n' },
      ...{ executionProvider: 'CUDA', memoryBytes: GIB, finished: false },
    });
    const { binding, explanation } = makeScheduler(fleet, 1, claims).place(makeRequest());
    assert.equal(binding, undefined);
    assert.match(explanation.message, /runs on n\/n, which is no longer in the fleet; place a new attempt/);
  });
});

describe('explanations', () => {
  const cases: {
    name: string;
    members: Member[];
    request?: Partial<TaskRequest>;
    message: string;
    resolvable: boolean;
  }[] = [
    { name: 'no nodes', members: [], message: '0/0 nodes fit: no edge cluster has a node yet', resolvable: true },
    {
      name: 'most frequent first',
      members: [
        { name: 'dear', node: { price: 900_000 } },
        { name: 'paris', cluster: { country: 'FR' } },
        { name: 'rome', cluster: { country: 'IT' } },
      ],
      request: { allowedCountries: ['DE'], maxPrice: 100_000 },
      message: '0/3 nodes fit: 2 AllowedCountries, 1 PriceCap',
      resolvable: false,
    },
    {
      name: 'a request that would fit on a node that is full',
      members: [
        { name: 'full', used: 2 },
        { name: 'paris', cluster: { country: 'FR' } },
      ],
      request: { allowedCountries: ['DE'] },
      message: '0/2 nodes fit: 1 AllowedCountries, 1 DeviceCapacity',
      resolvable: true,
    },
    {
      name: 'a node that is down and would never fit does not make it resolvable',
      members: [{ name: 'down', node: { ready: false }, cluster: { country: 'FR' } }],
      request: { allowedCountries: ['DE'] },
      message: '0/1 nodes fit: 1 AllowedCountries',
      resolvable: false,
    },
    {
      name: 'a node that is down and would fit',
      members: [{ name: 'down', node: { ready: false } }],
      message: '0/1 nodes fit: 1 NodeReady',
      resolvable: true,
    },
  ];
  for (const { name, members, request, message, resolvable } of cases) {
    test(name, () => {
      const { explanation } = makeScheduler(makeFleet(...members)).place(makeRequest(request));
      assert.equal(explanation.message, message);
      assert.equal(explanation.resolvable, resolvable);
      assert.equal(explanation.nodesEvaluated, members.length);
      const counted = explanation.rejects.reduce((sum, { count }) => sum + count, 0);
      assert.equal(counted, members.length);
    });
  }

  test('a reason is cut at what the status of a job may hold', () => {
    const countries = Array.from({ length: 200 }, (_, index) =>
      String.fromCharCode(65 + (index % 26), 65 + (index % 7)),
    );
    const { explanation } = makeScheduler(makeFleet({ name: 'n', cluster: { country: 'ZZ' } })).place(
      makeRequest({ allowedCountries: countries }),
    );
    assert.equal(explanation.rejects[0]!.reason.length, 256);
  });
});

describe('batches', () => {
  const member = fc.record({ slots: fc.integer({ min: 1, max: 3 }), price: fc.integer({ min: 1, max: 3 }) });
  const task = fc.record({
    deviceMemory: fc.integer({ min: 1, max: 9 }).map((gibibytes) => gibibytes * GIB),
    workUid: fc.constantFrom('u', 'v', 'w', 'x', 'y', 'z'),
    strategy: fc.constantFrom('BALANCED' as const, 'LATENCY' as const, 'COST' as const),
  });
  const makeMembers = (members: readonly { slots: number; price: number }[]): Fleet =>
    makeFleet(...members.map(({ slots, price }, index) => ({ name: `n${index}`, device: { slots }, node: { price } })));

  test('Explain of a batch says what Place of it then does, and takes nothing', () => {
    fc.assert(
      fc.property(fc.array(member, { maxLength: 5 }), fc.array(task, { maxLength: 12 }), (members, tasks) => {
        const fleet = makeMembers(members);
        const claims = makeClaims(fleet);
        const scheduler = makeScheduler(fleet, 1, claims);
        const requests = tasks.map((fields) => makeRequest(fields));
        const explained = scheduler.explain(requests);
        assert.equal(claims.assumed, 0);
        assert.ok(fleet.table.columns.usedSlots.every((used) => used === 0));
        assert.deepEqual(
          requests.map((request) => scheduler.place(request)),
          explained,
        );
      }),
    );
  });

  test('Explain of a known attempt that asks for something else leaves its binding alone', () => {
    const fleet = makeMembers([
      { slots: 1, price: 1 },
      { slots: 1, price: 2 },
    ]);
    const claims = makeClaims(fleet);
    const scheduler = makeScheduler(fleet, 1, claims);
    const { binding } = scheduler.place(makeRequest());
    const other = scheduler.explain([makeRequest({ excludedNodes: ['n0/n0'] })])[0]!;
    assert.equal(other.binding?.node, 'n1');
    assert.deepEqual(scheduler.place(makeRequest()).binding, binding);
    assert.deepEqual([...fleet.table.columns.usedSlots.slice(0, 2)], [1, 0]);
  });

  test('Explain takes nothing when the assumption of a known attempt has run out', () => {
    const fleet = makeMembers([{ slots: 1, price: 1 }]);
    let now = 0;
    const claims = new Claims({ clock: { monotonic: () => now }, assumeMilliseconds: 60_000, usage: fleet.table });
    const scheduler = makeScheduler(fleet, 1, claims);
    scheduler.place(makeRequest());
    now = 61_000;
    scheduler.explain([makeRequest()]);
    assert.equal(claims.assumed, 0);
  });

  test('Explain leaves the binding of a known attempt alone', () => {
    const fleet = makeMembers([{ slots: 1, price: 1 }]);
    const scheduler = makeScheduler(fleet);
    const { binding } = scheduler.place(makeRequest());
    assert.deepEqual(scheduler.explain([makeRequest()])[0]!.binding, binding);
    assert.equal(fleet.table.columns.usedSlots[0], 1);
  });
});
