import assert from 'node:assert/strict';
import { beforeEach, afterEach, describe, test } from 'node:test';
import type { DumpRow } from '../dump.ts';
import type { HoldRequest, Ledger } from '../ledger.ts';
import { openLedger } from '../open-ledger.ts';
import type { Engine } from './engine.ts';

/** What goes out of one engine's books and comes back into the other's. */
export function describeDump(from: Engine, to: Engine): void {
  describe(`a backup of books in ${from.name}, restored into ${to.name}`, () => {
    const start = Date.UTC(2026, 10, 1);
    const sha256 = 'ab'.repeat(32);
    let clock: number;
    let open: Ledger[];
    let original: Ledger;
    let token: bigint;

    const now = (): number => clock;
    const openAt = async (engine: Engine): Promise<Ledger> => {
      const ledger = openLedger(await engine.freshLocation(), { now });
      open.push(ledger);
      return ledger;
    };
    const holdOf = (attempt: number, more: Partial<HoldRequest> = {}): HoldRequest => ({
      ...{ token, namespace: 'vision', jobUID: 'job', attempt, provider: 'acme', node: 'alpha/n1', purpose: 'Work' },
      shards: [{ index: attempt, records: 8, amount: 10n }],
      ...more,
    });
    const dump = async (ledger: Ledger): Promise<DumpRow[]> => {
      const rows: DumpRow[] = [];
      await ledger.export(async (row) => void rows.push(row));
      return rows;
    };
    async function* stream(rows: readonly DumpRow[]): AsyncGenerator<DumpRow> {
      yield* rows;
    }
    const restoreInto = async (rows: readonly DumpRow[]): Promise<Ledger> => {
      const ledger = await openAt(to);
      assert.equal(await ledger.restore({ source: 'backup-1', rows: stream(rows) }), 'restored');
      return ledger;
    };

    beforeEach(async () => {
      [clock, open] = [start, []];
      original = await openAt(from);
      token = await original.acquireLeadership('hub-0');
      await original.deposit({ namespace: 'vision', amount: 1_000n, idempotencyKey: 'd1' });
      await original.hold(holdOf(1));
      const outputs = [{ shardIndex: 1, sha256, sizeBytes: 9 }];
      await original.hold(holdOf(2, { purpose: 'Verification', verifies: 1, provider: 'beta' }));
      await original.release({ token, jobUID: 'job', attempt: 2 });
      await original.release({ token, jobUID: 'job', attempt: 1, outputs });
      await original.hold(holdOf(3));
      await original.refund({ token, jobUID: 'job', attempt: 3, reason: 'NodeLost', charged: true });
      await original.hold(holdOf(4));
      await original.recordReceipt({ token, nodeKey: 'key', sequence: 7, digest: 'd' });
      clock += 60_000;
    });
    afterEach(async () => {
      for (const ledger of open) await ledger.close();
    });

    test('every row comes back, under its number', async () => {
      const rows = await dump(original);
      const restored = await restoreInto(rows);
      await restored.check();
      const withoutToken = (all: readonly DumpRow[]) => all.filter(({ table }) => table !== 'leadership');
      assert.deepEqual(withoutToken(await dump(restored)), withoutToken(rows));
      assert.deepEqual(await restored.attempts('job'), await original.attempts('job'));
      assert.deepEqual(await restored.namespaceAccount('vision'), { balance: 970n, held: 10n, spent: 20n });
      const { posting } = await restored.deposit({ namespace: 'vision', amount: 1n, idempotencyKey: 'd2' });
      assert.equal(posting, BigInt(rows.filter(({ table }) => table === 'posting').length) + 1n);
      await restored.check();
    });

    test('empty books come back, too', async () => {
      const restored = await restoreInto(await dump(await openAt(from)));
      await restored.deposit({ namespace: 'n', amount: 1n, idempotencyKey: 'd' });
      await restored.check();
    });

    test('no attempt number, and no token, of the time after the backup is given out again', async () => {
      const rows = await dump(original);
      for (const attempt of [5, 6, 7]) await original.hold(holdOf(attempt));
      let lost = token;
      for (let term = 0; term < 5; term++) lost = await original.acquireLeadership('hub-1');
      const restored = await restoreInto(rows);

      token = await restored.acquireLeadership('hub-2');
      assert.ok(token > lost);
      await assert.rejects(restored.hold(holdOf(8, { token: lost })), { code: 'STALE_LEADER' });
      for (const attempt of [5, 6, 7, 8])
        await assert.rejects(restored.hold(holdOf(attempt)), { code: 'STALE_ATTEMPT' });
      const next = (await restored.highestAttempt('job')) + 1;
      assert.equal(await restored.hold(holdOf(next)), 'held');
      assert.ok((await restored.highestAttempt('a job that the backup does not have')) >= next - 1);
      assert.ok(next < 2 ** 32, 'attempts are 32 bits wide in receipts');

      clock += 60_000;
      const again = await restoreInto(rows);
      assert.ok((await again.highestAttempt('job')) > next, 'restored once more from the same backup');
    });

    test('what was paid stays paid once, and what was held can be settled', async () => {
      const restored = await restoreInto(await dump(original));
      token = await restored.acquireLeadership('hub-1');
      const next = (await restored.highestAttempt('job')) + 1;
      const shards = [{ index: 1, records: 8, amount: 10n }];
      await assert.rejects(restored.hold(holdOf(next, { shards })), { code: 'SHARD_ALREADY_RELEASED' });
      assert.equal(await restored.release({ token, jobUID: 'job', attempt: 1 }), 'replayed');
      assert.equal(await restored.release({ token, jobUID: 'job', attempt: 4 }), 'released');
      await assert.rejects(restored.recordReceipt({ token, nodeKey: 'key', sequence: 7, digest: 'other' }), {
        code: 'EQUIVOCATION',
      });
      await restored.check();
    });

    test('the backup is of one moment, while others write', async () => {
      const rows: DumpRow[] = [];
      const location = await from.freshLocation();
      const [one, other] = [openLedger(location, { now }), openLedger(location, { now })];
      open.push(one, other);
      await one.deposit({ namespace: 'a', amount: 1n, idempotencyKey: 'first' });
      await one.export(async (row) => {
        if (row.table === 'posting') await other.deposit({ namespace: 'b', amount: 2n, idempotencyKey: 'second' });
        rows.push(row);
      });
      const restored = await restoreInto(rows);
      assert.equal(await restored.balance('external'), -1n);
      await restored.check();
    });

    test('books that have entries are left alone; the same backup again changes nothing', async () => {
      const rows = await dump(original);
      const used = await openAt(to);
      await used.deposit({ namespace: 'n', amount: 1n, idempotencyKey: 'd' });
      await assert.rejects(used.restore({ source: 'backup-1', rows: stream(rows) }), {
        code: 'LEDGER_NOT_EMPTY',
        message: /has 1 postings and 0 attempts; restore into a new file or database/,
      });
      assert.equal(await used.balance('external'), -1n);

      const restored = await restoreInto(rows);
      const highest = await restored.highestAttempt('job');
      clock += 60_000;
      assert.equal(await restored.restore({ source: 'backup-1', rows: stream(rows) }), 'replayed');
      assert.equal(await restored.highestAttempt('job'), highest);
      await assert.rejects(restored.restore({ source: 'backup-2', rows: stream(rows) }), { code: 'LEDGER_NOT_EMPTY' });
    });

    test('an operator that only led the empty books does not hinder it', async () => {
      const waiting = await openAt(to);
      await waiting.acquireLeadership('hub-1');
      assert.equal(await waiting.restore({ source: 'backup-1', rows: stream(await dump(original)) }), 'restored');
    });

    test('rows that are no books are refused, and nothing of them stays', async () => {
      const rows = await dump(original);
      const altered = (table: string, change: (values: readonly (string | null)[]) => readonly (string | null)[]) => {
        const at = rows.findIndex((row) => row.table === table);
        return rows.with(at, { ...rows[at]!, values: change(rows[at]!.values) });
      };
      const wrong: Readonly<Record<string, readonly DumpRow[]>> = {
        'an entry is missing': rows.filter((row) => row !== rows.find(({ table }) => table === 'entry')),
        'an amount was changed': altered('entry', (values) => [...values.slice(0, -1), '-999']),
        'a payment was lost': rows.filter(({ table }) => table !== 'released_shard'),
        'a shard was paid twice': [...rows, rows.find(({ table }) => table === 'released_shard')!],
        'a row comes twice': rows.flatMap((row) => (row.table === 'receipt' ? [row, row] : [row])),
        'an integer is none': altered('posting', (values) => values.map(() => 'x')),
        'a value is missing': altered('posting', (values) => values.slice(1)),
      };
      for (const [name, broken] of Object.entries(wrong)) {
        const target = await openAt(to);
        await assert.rejects(
          target.restore({ source: 'backup-1', rows: stream(broken) }),
          (error: Error & { code?: string }) => ['DUMP_INVALID', 'LEDGER_CORRUPT'].includes(error.code ?? ''),
          name,
        );
        assert.equal(await target.balance('external'), 0n, name);
        assert.equal(await target.restore({ source: 'backup-1', rows: stream(rows) }), 'restored', name);
      }
    });

    test('a clock that is behind the books is told', async () => {
      const rows = await dump(original);
      clock = start - 1;
      const target = await openAt(to);
      await assert.rejects(target.restore({ source: 'backup-1', rows: stream(rows) }), {
        code: 'ARGUMENT_INVALID',
        message: /clock of this machine says 2026-10-31.*newest entry is of 2026-11-01.*set the clock/,
      });
    });
  });
}
