import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Claims } from './capacity/claims.ts';
import type { Binding } from './framework/plugin.ts';
import { Scheduler } from './scheduler.ts';
import type { TaskFacts } from './table/facts.ts';
import type { Fleet } from './table/fleet.ts';
import { GIB, makeFleet, makeRequest, type Member } from './testing/fixtures.ts';

const ASSUME = 60_000;
const members: Member[] = [
  { name: 'a', device: { slots: 1, memoryBytes: 4 * GIB } },
  { name: 'b', device: { slots: 2, memoryBytes: 4 * GIB } },
  { name: 'c', device: { slots: 3, memoryBytes: 8 * GIB } },
];

type Operation =
  | { type: 'place' | 'explain'; work: number; memory: number }
  | { type: 'confirm' | 'finish' | 'delete' | 'flap'; work: number }
  | { type: 'pass'; milliseconds: number }
  | { type: 'restart' };

const work = fc.nat(11);
const memory = fc.integer({ min: 1, max: 5 });
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ type: fc.constantFrom('place' as const, 'explain' as const), work, memory }) },
  {
    weight: 5,
    arbitrary: fc.record({ type: fc.constantFrom('confirm' as const, 'finish' as const, 'delete' as const), work }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('flap' as const), work: fc.nat(2) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('pass' as const), milliseconds: fc.nat(ASSUME) }) },
  { weight: 1, arbitrary: fc.constant({ type: 'restart' as const }) },
);

interface Held {
  readonly binding: Binding;
  readonly memory: number;
  /** Undefined once a task was seen. */
  readonly expiresAt: number | undefined;
}

/** The scheduler beside a model so plain that it is evidently right: one list of who holds what. */
class World {
  #now = 0;
  #fleet!: Fleet;
  #claims!: Claims;
  #scheduler!: Scheduler;
  readonly #held = new Map<number, Held>();
  /** Works that were bound once, whose task may come although the assumption is over. */
  readonly #bound = new Map<number, Held>();
  readonly #allowLateTasks: boolean;

  constructor(allowLateTasks: boolean) {
    this.#allowLateTasks = allowLateTasks;
    this.#start();
  }

  run(step: Operation): void {
    switch (step.type) {
      case 'place':
        return this.#place(step.work, step.memory);
      case 'explain':
        return void this.#scheduler.explain([this.#request(step.work, step.memory), this.#request(99, step.memory)]);
      case 'confirm':
        return this.#confirm(step.work);
      case 'finish':
        return this.#end(step.work, (held) => this.#claims.observe(`t${step.work}`, this.#task(step.work, held, true)));
      case 'delete':
        return this.#end(step.work, () => this.#claims.forget(`t${step.work}`));
      case 'flap': {
        // A node leaves and comes back: what runs on it still runs.
        const { name } = members[step.work]!;
        const fresh = makeFleet(...members);
        this.#fleet.removeNode({ cluster: name, name });
        const columns = fresh.table.columns;
        const row = fresh.table.rowOf(name, name, name)!;
        this.#fleet.putNode({
          ...{
            cluster: name,
            name,
            ready: true,
            trusted: true,
            cordoned: false,
            price: columns.price[row]!,
            models: [],
          },
          devices: [
            {
              ...{ uuid: name, memoryBytes: columns.memoryBytes[row]!, slots: columns.slots[row]! },
              ...{ computeCapability: 89, executionProviders: ['CUDA'] },
            },
          ],
        });
        return;
      }
      case 'pass':
        this.#now += step.milliseconds;
        return;
      case 'restart':
        for (const [id, { expiresAt }] of this.#held) if (expiresAt !== undefined) this.#held.delete(id);
        this.#start();
        for (const [id, held] of this.#held) this.#claims.observe(`t${id}`, this.#task(id, held, false));
    }
  }

  /** The table shows exactly what the model holds. */
  check(): void {
    this.#claims.expire();
    this.#expireModel();
    const { table } = this.#fleet;
    for (const { name, device } of members) {
      const row = table.rowOf(name, name, name)!;
      const holders = [...this.#held.values()].filter(({ binding }) => binding.node === name);
      const bytes = holders.reduce((sum, held) => sum + held.memory * GIB, 0);
      assert.equal(table.columns.usedSlots[row], holders.length, `slots of ${name}`);
      assert.equal(table.columns.usedMemoryBytes[row], bytes, `memory of ${name}`);
      if (this.#allowLateTasks) continue;
      assert.ok(holders.length <= device!.slots! && bytes <= device!.memoryBytes!, `${name} is over-committed`);
    }
  }

  #start(): void {
    this.#fleet = makeFleet(...members);
    const clock = { monotonic: () => this.#now };
    this.#claims = new Claims({ clock, assumeMilliseconds: ASSUME, usage: this.#fleet.table });
    this.#scheduler = new Scheduler({ fleet: this.#fleet, claims: this.#claims, valueOfTime: 0.3, seed: 1 });
  }

  #request(id: number, gibibytes: number) {
    return makeRequest({ workUid: `w${id}`, deviceMemory: gibibytes * GIB });
  }

  #place(id: number, gibibytes: number): void {
    this.#expireModel();
    // Another request takes the place of an assumption; a task stays.
    const before = this.#held.get(id);
    if (before?.expiresAt !== undefined && before.memory !== gibibytes) this.#held.delete(id);
    const free = members.map(({ name, device }) => {
      const holders = [...this.#held.values()].filter(({ binding }) => binding.node === name);
      const used = holders.reduce((sum, held) => sum + held.memory, 0);
      return { name, fits: holders.length < device!.slots! && device!.memoryBytes! / GIB - used >= gibibytes };
    });
    const { binding } = this.#scheduler.place(this.#request(id, gibibytes));
    const known = this.#held.get(id);
    if (known !== undefined) {
      // Idempotent; only the prediction of a former process is forgotten.
      assert.deepEqual({ ...binding, predictedMilliseconds: 0 }, { ...known.binding, predictedMilliseconds: 0 });
    } else if (binding === undefined) {
      assert.ok(
        free.every(({ fits }) => !fits),
        'a node was free',
      );
    } else {
      assert.ok(free.find(({ name }) => name === binding.node)!.fits, `${binding.node} was full`);
      const held = { binding, memory: gibibytes, expiresAt: this.#now + ASSUME };
      this.#held.set(id, held);
      this.#bound.set(id, held);
    }
  }

  #confirm(id: number): void {
    this.#expireModel();
    const held = this.#held.get(id) ?? (this.#allowLateTasks ? this.#bound.get(id) : undefined);
    if (held === undefined) return;
    this.#held.set(id, { ...held, expiresAt: undefined });
    this.#claims.observe(`t${id}`, this.#task(id, held, false));
  }

  #end(id: number, tell: (held: Held) => void): void {
    const held = this.#held.get(id);
    if (held === undefined || held.expiresAt !== undefined) return;
    this.#held.delete(id);
    this.#bound.delete(id);
    tell(held);
  }

  #expireModel(): void {
    for (const [id, { expiresAt }] of this.#held) {
      if (expiresAt !== undefined && expiresAt <= this.#now) this.#held.delete(id);
    }
  }

  #task(id: number, { binding, memory: gibibytes }: Held, finished: boolean): TaskFacts {
    const { cluster, node, deviceUuid } = binding;
    return {
      ...{ workUid: `w${id}`, attempt: 1, cluster, node, deviceUuid, finished },
      ...{ executionProvider: 'CUDA', memoryBytes: gibibytes * GIB },
    };
  }
}

for (const allowLateTasks of [false, true]) {
  const name = allowLateTasks
    ? 'a task that comes after its assumption is counted, and nothing is placed on a full device'
    : 'capacity is never over-committed, and the table is the sum of what is held';
  test(name, () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
        const world = new World(allowLateTasks);
        for (const step of operations) {
          world.run(step);
          world.check();
        }
      }),
      { numRuns: 300 },
    );
  });
}
