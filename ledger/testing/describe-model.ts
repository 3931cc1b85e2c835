import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LedgerError } from '../errors.ts';
import type { HoldState, Ledger, Purpose } from '../ledger.ts';
import { openLedger } from '../open-ledger.ts';
import type { Engine } from './engine.ts';

const NAMESPACES = ['red', 'blue'];
const JOBS = ['j1', 'j2'];
const PROVIDERS = ['p', 'q'];

interface ModelAttempt {
  readonly terms: string;
  readonly namespace: string;
  readonly provider: string;
  readonly purpose: Purpose;
  readonly shards: readonly { index: number; records: number; amount: bigint }[];
  state: HoldState;
}

/** What the books should say, kept the plainest way there is. */
class Model {
  leader = 0n;
  /** Connection of the newest leader. */
  leading = 0;
  readonly deposits = new Map<string, string>();
  readonly deposited = new Map<string, bigint>();
  readonly attempts = new Map<string, ModelAttempt>();
  readonly receipts = new Map<string, string>();

  amount(states: readonly HoldState[], matches: (attempt: ModelAttempt) => boolean): bigint {
    return [...this.attempts.values()]
      .filter((attempt) => states.includes(attempt.state) && matches(attempt))
      .flatMap(({ shards }) => shards)
      .reduce((sum, { amount }) => sum + amount, 0n);
  }

  balance(namespace: string): bigint {
    return (
      (this.deposited.get(namespace) ?? 0n) -
      this.amount(['Held', 'Released'], (attempt) => attempt.namespace === namespace)
    );
  }

  highest(jobUID: string): number {
    return Math.max(
      0,
      ...[...this.attempts.keys()]
        .filter((key) => key.startsWith(`${jobUID}/`))
        .map((key) => Number(key.split('/')[1])),
    );
  }

  /** Whether the shard was paid for some attempt at it as work. */
  paid(jobUID: string, index: number): boolean {
    return [...this.attempts].some(
      ([key, { state, purpose, shards }]) =>
        key.startsWith(`${jobUID}/`) &&
        state === 'Released' &&
        purpose === 'Work' &&
        shards.some((shard) => shard.index === index),
    );
  }
}

/** Two connections to one ledger, as an old and a new leader have; each keeps the last token it was given. */
class Books {
  readonly location: string;
  readonly connections: { ledger: Ledger; token: bigint }[];

  constructor(location: string) {
    this.location = location;
    this.connections = [0, 1].map(() => ({ ledger: this.open(), token: 0n }));
  }

  open(): Ledger {
    return openLedger(this.location, { now: () => 0 });
  }
}

/** What a call resolves to, or the code that it is refused with. */
async function answer(promise: Promise<unknown>): Promise<string> {
  try {
    return String(await promise);
  } catch (error) {
    if (error instanceof LedgerError) return error.code;
    throw error;
  }
}

const connection = fc.nat({ max: 1 });
const job = fc.constantFrom(...JOBS);
/** True: the old leader acts, not the newest. */
const stale = fc.integer({ min: 0, max: 9 }).map((roll) => roll === 0);
/** Counted from the job's highest attempt, so that commands meet attempts that exist. */
const newAttempt = fc.constantFrom(1, 1, 1, 1, 2, 0, -1);
const oldAttempt = fc.constantFrom(0, 0, 0, -1, -1, -2, 1);
const shards = fc
  .uniqueArray(fc.nat({ max: 3 }), { minLength: 1, maxLength: 3 })
  .chain((indices) =>
    fc.tuple(
      ...indices.map((index) =>
        fc.record({ index: fc.constant(index), records: fc.nat({ max: 9 }), amount: fc.bigInt(0n, 20n) }),
      ),
    ),
  );

function actor(model: Model, stale: boolean): number {
  return stale ? 1 - model.leading : model.leading;
}

type Command = (model: Model, books: Books) => Promise<void>;

const lead = connection.map((at): Command => async (model, { connections }) => {
  const token = await connections[at]!.ledger.acquireLeadership(`hub-${at}`);
  assert.ok(token > model.leader, 'tokens grow strictly');
  model.leader = connections[at]!.token = token;
  model.leading = at;
});

const deposit = fc
  .record({
    at: connection,
    namespace: fc.constantFrom(...NAMESPACES),
    amount: fc.bigInt(1n, 100n),
    idempotencyKey: fc.constantFrom('a', 'b', 'c', 'd'),
  })
  .map(({ at, ...request }): Command => async (model, { connections }) => {
    const { namespace, amount, idempotencyKey } = request;
    const terms = `${namespace}:${amount}`;
    const earlier = model.deposits.get(idempotencyKey);
    const got = await answer(connections[at]!.ledger.deposit(request).then(({ replayed }) => replayed));
    assert.equal(got, earlier === undefined ? 'false' : earlier === terms ? 'true' : 'IDEMPOTENCY_CONFLICT');
    if (earlier !== undefined) return;
    model.deposits.set(idempotencyKey, terms);
    model.deposited.set(namespace, (model.deposited.get(namespace) ?? 0n) + amount);
  });

const hold = fc
  .record({
    stale,
    namespace: fc.constantFrom(...NAMESPACES),
    jobUID: job,
    attempt: newAttempt,
    provider: fc.constantFrom(...PROVIDERS),
    purpose: fc.constantFrom<Purpose>('Work', 'Work', 'Verification'),
    shards,
  })
  .map(({ stale, attempt, ...rest }): Command => async (model, { connections }) => {
    const { ledger, token } = connections[actor(model, stale)]!;
    const request = { ...rest, attempt: Math.max(1, model.highest(rest.jobUID) + attempt) };
    const key = `${request.jobUID}/${request.attempt}`;
    const total = request.shards.reduce((sum, { amount }) => sum + amount, 0n);
    const terms = JSON.stringify(request, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
    const open = model.attempts.get(key);
    const expected = (): string => {
      if (token !== model.leader || token === 0n) return 'STALE_LEADER';
      if (open?.state === 'Held') return open.terms === terms ? 'replayed' : 'IDEMPOTENCY_CONFLICT';
      if (request.attempt <= model.highest(request.jobUID)) return 'STALE_ATTEMPT';
      if (request.purpose === 'Work' && request.shards.some(({ index }) => model.paid(request.jobUID, index)))
        return 'SHARD_ALREADY_RELEASED';
      return model.balance(request.namespace) < total ? 'INSUFFICIENT_FUNDS' : 'held';
    };
    const want = expected();
    // Every request is sent twice: a caller that crashed before it heard the answer does the same.
    assert.equal(await answer(ledger.hold({ ...request, token, node: 'n' })), want);
    assert.equal(await answer(ledger.hold({ ...request, token, node: 'n' })), want === 'held' ? 'replayed' : want);
    if (want === 'held') model.attempts.set(key, { ...request, terms, state: 'Held' });
  });

const settle = (to: 'Released' | 'Refunded') =>
  fc
    .record({ stale, jobUID: job, attempt: oldAttempt })
    .map(({ stale, jobUID, attempt }): Command => async (model, { connections }) => {
      const { ledger, token } = connections[actor(model, stale)]!;
      const key = { jobUID, attempt: Math.max(1, model.highest(jobUID) + attempt) };
      const held = model.attempts.get(`${key.jobUID}/${key.attempt}`);
      const done = to === 'Released' ? 'released' : 'refunded';
      const expected = (): string => {
        if (token !== model.leader || token === 0n) return 'STALE_LEADER';
        if (held === undefined) return 'ATTEMPT_UNKNOWN';
        if (held.state !== 'Held')
          return held.state === to ? 'replayed' : held.state === 'Released' ? 'ATTEMPT_RELEASED' : 'ATTEMPT_REFUNDED';
        const paid = held.purpose === 'Work' && held.shards.some(({ index }) => model.paid(key.jobUID, index));
        return to === 'Released' && paid ? 'SHARD_ALREADY_RELEASED' : done;
      };
      const send = () =>
        answer(
          to === 'Released'
            ? ledger.release({ ...key, token })
            : ledger.refund({ ...key, token, reason: 'Lost', charged: true }),
        );
      const want = expected();
      assert.equal(await send(), want);
      assert.equal(await send(), want === done ? 'replayed' : want);
      if (held && want === done) held.state = to;
    });

const receipt = fc
  .record({
    stale,
    nodeKey: fc.constantFrom('k', 'l'),
    sequence: fc.nat({ max: 2 }),
    digest: fc.constantFrom('x', 'y'),
  })
  .map(({ stale, ...request }): Command => async (model, { connections }) => {
    const { ledger, token } = connections[actor(model, stale)]!;
    const key = `${request.nodeKey}/${request.sequence}`;
    const earlier = model.receipts.get(key);
    const fresh = earlier === undefined ? 'recorded' : earlier === request.digest ? 'replayed' : 'EQUIVOCATION';
    const want = token !== model.leader || token === 0n ? 'STALE_LEADER' : fresh;
    assert.equal(await answer(ledger.recordReceipt({ ...request, token })), want);
    if (want === 'recorded') model.receipts.set(key, request.digest);
  });

const reopen = connection.map((at): Command => async (_, books) => {
  await books.connections[at]!.ledger.close();
  books.connections[at]!.ledger = books.open();
});

async function assertAgreement(model: Model, ledger: Ledger): Promise<void> {
  let outside = 0n;
  for (const namespace of NAMESPACES) {
    const mine = (of: ModelAttempt) => of.namespace === namespace;
    const expected = {
      balance: model.balance(namespace),
      held: model.amount(['Held'], mine),
      spent: model.amount(['Released'], mine),
    };
    const account = await ledger.namespaceAccount(namespace);
    assert.deepEqual(account, expected);
    assert.ok(account.balance >= 0n, 'no namespace owes');
    outside += account.balance + account.held + account.spent;
  }
  assert.equal(await ledger.balance('external'), -outside, 'what came in is somewhere');
  assert.equal(
    await ledger.balance('hold'),
    model.amount(['Held'], () => true),
  );
  for (const provider of PROVIDERS) {
    assert.equal(
      await ledger.balance(`provider/${provider}`),
      model.amount(['Released'], (of) => of.provider === provider),
    );
  }
  for (const jobUID of JOBS) {
    const records = await ledger.attempts(jobUID);
    const paid = records
      .filter(({ state, purpose }) => state === 'Released' && purpose === 'Work')
      .map(({ shardIndex }) => shardIndex);
    assert.equal(new Set(paid).size, paid.length, 'a shard is paid once');
    assert.equal(await ledger.highestAttempt(jobUID), model.highest(jobUID));
  }
  await ledger.check();
}

/** A first leader and some money, so that few commands are refused for want of them. */
async function endow(model: Model, { connections }: Books): Promise<void> {
  model.leader = connections[0]!.token = await connections[0]!.ledger.acquireLeadership('hub-0');
  for (const namespace of NAMESPACES) {
    await connections[0]!.ledger.deposit({ namespace, amount: 150n, idempotencyKey: namespace });
    model.deposited.set(namespace, 150n);
  }
}

/** @param runs how many sequences are tried */
export function describeModel(engine: Engine, runs: number): void {
  test(
    `any sequence of commands by two leaders leaves the books in ${engine.name} as a plain model says`,
    { timeout: 120_000 },
    async () => {
      const command = fc.oneof(
        { weight: 1, arbitrary: lead },
        { weight: 3, arbitrary: deposit },
        { weight: 8, arbitrary: hold },
        { weight: 4, arbitrary: settle('Released') },
        { weight: 3, arbitrary: settle('Refunded') },
        { weight: 1, arbitrary: receipt },
        { weight: 1, arbitrary: reopen },
      );
      await fc.assert(
        fc.asyncProperty(fc.array(command, { minLength: 10, maxLength: 60, size: 'max' }), async (commands) => {
          const model = new Model();
          const books = new Books(await engine.freshLocation());
          try {
            await endow(model, books);
            for (const step of commands) await step(model, books);
            await assertAgreement(model, books.connections[0]!.ledger);
          } finally {
            for (const { ledger } of books.connections) await ledger.close();
          }
        }),
        { numRuns: runs },
      );
    },
  );
}
