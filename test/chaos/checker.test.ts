import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { checkHistory, invariants, type Invariant } from './checker.ts';
import { History, readHistory, type HistoryEntry, type JobFacts, type ShardEntry } from './history.ts';

const PAY = 100;

/** Builds histories of one job as a federation that keeps its promises writes them. */
class Scribe {
  readonly history = new History(() => 0);
  readonly balances: Record<string, bigint> = { external: 0n, hold: 0n, 'namespace/work': 0n, 'provider/p': 0n };
  #posting = 0;

  constructor() {
    this.post('Deposit', 'first', 'external', 'namespace/work', 10_000);
  }

  post(
    posted: 'Deposit' | 'Hold' | 'Release' | 'Refund',
    reference: string,
    from: string,
    to: string,
    amount = PAY,
  ): void {
    const posting = ++this.#posting;
    for (const [account, sum] of [
      [from, -amount],
      [to, amount],
    ] as const) {
      this.balances[account] = (this.balances[account] ?? 0n) + BigInt(sum);
      this.history.add({ kind: 'Posting', posting, posted, account, amount: String(sum), reference });
    }
  }

  shard(attempt: number, state: ShardEntry['state'], shard = 0): void {
    const terms = { purpose: 'Work', provider: 'p', amount: String(PAY) };
    this.history.add({ kind: 'Shard', jobUID: 'job', attempt, shard, state, ...terms });
  }

  hold(attempt: number, shard = 0): void {
    this.post('Hold', `job/${attempt}`, 'namespace/work', 'hold');
    this.shard(attempt, 'Held', shard);
  }

  release(attempt: number, shard = 0): void {
    this.post('Release', `job/${attempt}`, 'hold', 'provider/p');
    this.shard(attempt, 'Released', shard);
  }

  refund(attempt: number, shard = 0): void {
    this.post('Refund', `job/${attempt}`, 'hold', 'namespace/work');
    this.shard(attempt, 'Refunded', shard);
  }

  object(resource: 'InferenceTask' | 'Secret', change: 'Added' | 'Deleted', name = 'edge-a/t', cluster = 'hub'): void {
    this.history.add({ kind: 'Object', cluster, change, resource, name, uid: 'u' });
  }

  job(facts: Partial<JobFacts>): void {
    const job = { uid: 'job', shards: 1, ...facts };
    this.history.add({
      kind: 'Object',
      cluster: 'hub',
      change: 'Modified',
      resource: 'InferenceJob',
      name: 'work/job',
      uid: 'job',
      job,
    });
  }

  read(shards = [{ index: 0, attempt: 1 }], sha256 = 'm'): void {
    const named = shards.map((shard) => ({ ...shard, path: `attempts/${shard.attempt}/${shard.index}` }));
    this.history.add({ kind: 'Manifest', jobUID: 'job', sha256, shards: named });
    for (const { path } of named) this.output(path, `bytes of ${path}`);
  }

  output(path: string, sha256: string): void {
    this.history.add({ kind: 'Output', jobUID: 'job', path, sha256 });
  }

  complete(): void {
    this.job({ phase: 'Complete', manifest: 'm' });
  }

  quiet(): readonly HistoryEntry[] {
    const balances = Object.fromEntries(Object.entries(this.balances).map(([name, sum]) => [name, String(sum)]));
    this.history.add({ kind: 'Quiet', balances });
    return this.history.entries;
  }
}

/** One job of one shard that ran at the first try. */
function good(): Scribe {
  const scribe = new Scribe();
  scribe.job({ phase: 'Running' });
  scribe.hold(1);
  scribe.object('InferenceTask', 'Added');
  scribe.release(1);
  scribe.object('InferenceTask', 'Deleted');
  scribe.read();
  scribe.complete();
  return scribe;
}

const found = (scribe: Scribe): Set<Invariant> =>
  new Set(checkHistory(scribe.quiet()).map(({ invariant }) => invariant));

test('a history in which all is well violates nothing', () => assert.deepEqual(checkHistory(good().quiet()), []));

test('nor does one that has no end yet', () => {
  const scribe = new Scribe();
  scribe.job({ phase: 'Running' });
  scribe.hold(1);
  scribe.object('Secret', 'Added');
  assert.deepEqual(checkHistory(scribe.history.entries), []);
});

test('nor one whose job was deleted by its user', () => {
  const scribe = new Scribe();
  scribe.hold(1);
  scribe.refund(1);
  scribe.job({ phase: 'Running', isDeleted: true });
  assert.deepEqual(checkHistory(scribe.quiet()), []);
});

const violations: readonly [Invariant, string, (scribe: Scribe) => void][] = [
  ['PaidAtMostOnce', 'two attempts of a shard are paid', (s) => [s.hold(2), s.release(2)]],
  ['PaidAtMostOnce', 'an attempt is paid by two postings', (s) => s.post('Release', 'job/1', 'hold', 'provider/p')],
  ['VisibleAtMostOnce', 'the manifest changes', (s) => s.read([{ index: 0, attempt: 1 }], 'other')],
  ['VisibleAtMostOnce', 'an object that a reader saw changes', (s) => s.output('attempts/1/0', 'other bytes')],
  [
    'VisibleAtMostOnce',
    'the status names another manifest than before',
    (s) => s.job({ phase: 'Complete', manifest: 'n' }),
  ],
  [
    'SupersededNotAccepted',
    'an attempt is paid after it was refunded',
    (s) => [s.hold(2), s.refund(2), s.shard(2, 'Released')],
  ],
  [
    'SupersededNotAccepted',
    'the manifest shows an attempt that was not paid',
    (s) => s.read([{ index: 0, attempt: 7 }], 'other'),
  ],
  ['NoJobLost', 'a job does not end', (s) => s.job({ uid: 'second', phase: 'Running' })],
  ['NoJobLost', 'a complete job runs again', (s) => [s.job({ phase: 'Running', manifest: 'm' }), s.complete()]],
  ['NoJobLost', 'a shard is in no manifest', (s) => s.job({ phase: 'Complete', manifest: 'm', shards: 2 })],
  ['NoJobLost', 'a complete job has no manifest', (s) => s.job({ uid: 'second', phase: 'Complete' })],
  ['MoneyConserved', 'money stays on hold', (s) => s.hold(2)],
  ['MoneyConserved', 'a balance is not what its postings sum to', (s) => (s.balances['provider/p'] = 0n)],
  ['MoneyConserved', 'a refund is taken back', (s) => [s.hold(2), s.refund(2), s.shard(2, 'Held')]],
  [
    'MoneyConserved',
    'a posting makes money',
    (s) =>
      s.history.add({
        kind: 'Posting',
        posting: 99,
        posted: 'Deposit',
        account: 'external',
        amount: '0',
        reference: 'x',
      }) ??
      s.history.add({ kind: 'Posting', posting: 99, posted: 'Deposit', account: 'hold', amount: '1', reference: 'x' }),
  ],
  ['NoOrphan', 'a task is left on the hub', (s) => s.object('InferenceTask', 'Added')],
  ['NoOrphan', 'a Secret is left on a member', (s) => s.object('Secret', 'Added', 'isochrone-system/t', 'alpha')],
];

describe('a history is caught when', () => {
  for (const [invariant, what, spoil] of violations) {
    test(`${what} (${invariant})`, () => {
      const scribe = good();
      spoil(scribe);
      assert.ok(found(scribe).has(invariant), [...found(scribe)].join());
    });
  }

  test('an attempt is accepted after a later one took its place (SupersededNotAccepted)', () => {
    const scribe = new Scribe();
    scribe.hold(1);
    scribe.hold(2);
    scribe.release(1);
    scribe.refund(2);
    scribe.read();
    scribe.complete();
    assert.deepEqual([...found(scribe)], ['SupersededNotAccepted']);
  });

  test('each invariant has such a history', () => {
    assert.deepEqual(new Set(violations.map(([invariant]) => invariant)), new Set(invariants));
  });
});

describe('whatever happens to a job', () => {
  /** By shard: how many attempts fail before one stands. */
  const failures = fc.array(fc.nat(4), { minLength: 1, maxLength: 8 });
  const run = (tries: readonly number[]): Scribe => {
    const scribe = new Scribe();
    scribe.job({ phase: 'Running' });
    let attempt = 0;
    const shards = tries.map((count, index) => {
      for (let failed = 0; failed < count; failed++) {
        scribe.hold(++attempt, index);
        scribe.refund(attempt, index);
      }
      scribe.hold(++attempt, index);
      scribe.release(attempt, index);
      return { index, attempt };
    });
    scribe.read(shards);
    scribe.job({ phase: 'Complete', manifest: 'm', shards: tries.length });
    return scribe;
  };

  test('retries violate nothing, also when entries are told twice', () => {
    fc.assert(
      fc.property(failures, (tries) => {
        const entries = run(tries).quiet();
        assert.deepEqual(checkHistory(entries), []);
        const again = entries.filter(({ kind }) => ['Posting', 'Manifest', 'Output', 'Quiet'].includes(kind));
        assert.deepEqual(checkHistory([...entries, ...again]), []);
      }),
    );
  });

  test('a payment that is lost or doubled is caught, wherever it is', () => {
    fc.assert(
      fc.property(failures, fc.nat(), (tries, at) => {
        const index = at % tries.length;
        const entries = run(tries).quiet();
        const releases = entries.filter((entry) => entry.kind === 'Shard' && entry.state === 'Released');
        const chosen = releases[index] as ShardEntry & { at: number };
        const lost = entries.filter((entry) => entry !== chosen);
        const second = { ...chosen, attempt: chosen.attempt + 1000 };
        const of = (history: readonly HistoryEntry[]) => checkHistory(history).map(({ invariant }) => invariant);
        assert.ok(of(lost).includes('MoneyConserved'));
        assert.ok(of([...entries, second]).includes('PaidAtMostOnce'));
      }),
    );
  });
});

test('a history is read from its file as it was written', (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'isochrone-history-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'history.jsonl');
  const history = new History(() => 1, file);
  history.add({ kind: 'Run', seed: 7, options: {} });
  history.add({ kind: 'Fault', fault: 'kill -9 operator', phase: 'Injected' });
  assert.deepEqual(readHistory(file), history.entries);
});
