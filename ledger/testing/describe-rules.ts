import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { LedgerErrorCode } from '../errors.ts';
import type { HoldRequest, Ledger } from '../ledger.ts';
import { openLedger } from '../open-ledger.ts';
import type { Engine } from './engine.ts';

/** The rules of the books, to be held by every engine. */
export function describeRules(engine: Engine): void {
  describe(`the rules of the books in ${engine.name}`, () => {
    let location: string;
    let ledger: Ledger;
    let token: bigint;
    let clock: number;

    beforeEach(async () => {
      location = await engine.freshLocation();
      clock = 1_000;
      ledger = openLedger(location, { now: () => clock });
      token = await ledger.acquireLeadership('hub-0');
      await ledger.deposit({ namespace: 'vision', amount: 100n, idempotencyKey: 'd1' });
    });

    afterEach(async () => {
      await ledger.check();
      await ledger.close();
    });

    function holdOf(attempt: number, overrides: Partial<HoldRequest> = {}): HoldRequest {
      const shards = [
        { index: 0, records: 256, amount: 10n },
        { index: 1, records: 100, amount: 4n },
      ];
      return {
        token,
        namespace: 'vision',
        jobUID: 'job',
        attempt,
        provider: 'acme',
        node: 'n1',
        purpose: 'Work',
        shards,
        ...overrides,
      };
    }

    const refusal = (promise: Promise<unknown>, code: LedgerErrorCode, message = /./) =>
      assert.rejects(promise, { code, message });

    describe('once it is closed', () => {
      test('what was asked for before is answered, and what is asked for after it is refused by name', async () => {
        const closing = openLedger(location, { now: () => clock });
        // More than any engine does at once.
        const balances = Array.from({ length: 8 }, () => closing.balance('namespace/vision'));
        const deposited = closing.deposit({ namespace: 'other', amount: 1n, idempotencyKey: 'd2' });
        const closed = closing.close();
        await refusal(closing.balance('hold'), 'LEDGER_CLOSED', /the ledger is closed; await what was asked of it/);
        assert.deepEqual(new Set(await Promise.all(balances)), new Set([100n]));
        assert.equal((await deposited).replayed, false);
        await closed;
        await refusal(closing.check(), 'LEDGER_CLOSED');
        await refusal(closing.deposit({ namespace: 'other', amount: 1n, idempotencyKey: 'd3' }), 'LEDGER_CLOSED');
        await closing.close();
        assert.equal(await ledger.balance('namespace/other'), 1n);
      });
    });

    describe('what a release and a re-execution add', () => {
      const sha256 = 'ab'.repeat(32);
      const outputs = [0, 1].map((shardIndex) => ({ shardIndex, sha256, sizeBytes: 9 + shardIndex }));

      test('a release keeps what was paid for; attempts() gives it back', async () => {
        await ledger.hold(holdOf(1));
        await ledger.release({ token, jobUID: 'job', attempt: 1, outputs });
        const delivered = (await ledger.attempts('job')).map(({ output }) => output);
        assert.deepEqual(
          delivered,
          [9, 10].map((sizeBytes) => ({ sha256, sizeBytes })),
        );
      });

      test('outputs that are not of exactly the shards are refused, and nothing is paid', async () => {
        await ledger.hold(holdOf(1));
        for (const wrong of [
          outputs.slice(1),
          [outputs[0]!, outputs[0]!],
          [...outputs, { ...outputs[0]!, shardIndex: 7 }],
          outputs.map((output) => ({ ...output, sha256: sha256.toUpperCase() })),
          outputs.map((output) => ({ ...output, sizeBytes: -1 })),
        ]) {
          await refusal(
            ledger.release({ token, jobUID: 'job', attempt: 1, outputs: wrong }),
            'ARGUMENT_INVALID',
            /outputs|sha256 of shard 0|sizeBytes of shard 0/,
          );
        }
        assert.equal(await ledger.balance('provider/acme'), 0n);
      });

      test('a re-execution names the attempt that it verifies, also after a reopen', async () => {
        await ledger.hold(holdOf(1));
        await ledger.hold(holdOf(2, { purpose: 'Reference', verifies: 1 }));
        await refusal(ledger.hold(holdOf(2, { purpose: 'Reference', verifies: 3 })), 'IDEMPOTENCY_CONFLICT');
        assert.deepEqual(
          (await ledger.heldAttempts()).map(({ attempt, purpose, verifies }) => [attempt, purpose, verifies]),
          [
            [1, 'Work', undefined],
            [2, 'Reference', 1],
          ],
        );
        assert.deepEqual(new Set((await ledger.attempts('job', 2)).map(({ attempt }) => attempt)), new Set([2]));
      });
    });

    describe('settlement', () => {
      test('holds, then pays the provider', async () => {
        assert.equal(await ledger.hold(holdOf(1)), 'held');
        assert.deepEqual(await ledger.namespaceAccount('vision'), { balance: 86n, held: 14n, spent: 0n });
        assert.equal(await ledger.release({ token, jobUID: 'job', attempt: 1 }), 'released');
        assert.deepEqual(await ledger.namespaceAccount('vision'), { balance: 86n, held: 0n, spent: 14n });
        assert.equal(await ledger.balance('provider/acme'), 14n);
        assert.equal(await ledger.balance('external'), -100n);
        assert.equal(await ledger.balance('hold'), 0n);
      });

      test('holds, then repays the namespace', async () => {
        await ledger.hold(holdOf(1));
        assert.equal(
          await ledger.refund({ token, jobUID: 'job', attempt: 1, reason: 'NodeLost', charged: true }),
          'refunded',
        );
        assert.deepEqual(await ledger.namespaceAccount('vision'), { balance: 100n, held: 0n, spent: 0n });
        const [record] = await ledger.attempts('job');
        assert.deepEqual([record?.state, record?.reason, record?.charged], ['Refunded', 'NodeLost', true]);
      });

      test('a replay changes nothing', async () => {
        assert.equal(
          (await ledger.deposit({ namespace: 'vision', amount: 100n, idempotencyKey: 'd1' })).replayed,
          true,
        );
        await ledger.hold(holdOf(1));
        assert.equal(await ledger.hold(holdOf(1, { shards: holdOf(1).shards.toReversed() })), 'replayed');
        await ledger.release({ token, jobUID: 'job', attempt: 1 });
        assert.equal(await ledger.release({ token, jobUID: 'job', attempt: 1 }), 'replayed');
        await ledger.hold(holdOf(2, { shards: [{ index: 2, records: 1, amount: 1n }] }));
        await ledger.refund({ token, jobUID: 'job', attempt: 2, reason: 'NodeLost', charged: true });
        assert.equal(
          await ledger.refund({ token, jobUID: 'job', attempt: 2, reason: 'Other', charged: false }),
          'replayed',
        );
        assert.equal((await ledger.attempts('job'))[2]?.reason, 'NodeLost');
        assert.equal(await ledger.balance('provider/acme'), 14n);
      });

      test('a key or an attempt does not change its terms', async () => {
        await refusal(
          ledger.deposit({ namespace: 'vision', amount: 99n, idempotencyKey: 'd1' }),
          'IDEMPOTENCY_CONFLICT',
          /d1/,
        );
        await refusal(
          ledger.deposit({ namespace: 'speech', amount: 100n, idempotencyKey: 'd1' }),
          'IDEMPOTENCY_CONFLICT',
        );
        await ledger.hold(holdOf(1));
        for (const other of [
          { node: 'n2' },
          { provider: 'other' },
          { purpose: 'Verification' as const },
          { shards: holdOf(1).shards.slice(1) },
        ]) {
          await refusal(ledger.hold(holdOf(1, other)), 'IDEMPOTENCY_CONFLICT', /job\/1/);
        }
      });

      test('attempts only grow, and a settled one is over', async () => {
        assert.equal(await ledger.highestAttempt('job'), 0);
        await ledger.hold(holdOf(3));
        await ledger.refund({ token, jobUID: 'job', attempt: 3, reason: 'NodeLost', charged: false });
        assert.equal(await ledger.highestAttempt('job'), 3);
        await refusal(ledger.hold(holdOf(2)), 'STALE_ATTEMPT', /use 4/);
        await refusal(ledger.hold(holdOf(3)), 'STALE_ATTEMPT');
        await refusal(ledger.release({ token, jobUID: 'job', attempt: 3 }), 'ATTEMPT_REFUNDED', /NodeLost/);
        await refusal(ledger.release({ token, jobUID: 'job', attempt: 4 }), 'ATTEMPT_UNKNOWN');
        await refusal(
          ledger.refund({ token, jobUID: 'none', attempt: 1, reason: 'x', charged: false }),
          'ATTEMPT_UNKNOWN',
        );
      });

      test('a shard is paid once, whatever attempt delivers it', async () => {
        await ledger.hold(holdOf(1));
        await ledger.hold(
          holdOf(2, {
            node: 'n2',
            shards: [
              { index: 1, records: 100, amount: 5n },
              { index: 7, records: 1, amount: 1n },
            ],
          }),
        );
        await ledger.release({ token, jobUID: 'job', attempt: 1 });
        await refusal(ledger.release({ token, jobUID: 'job', attempt: 2 }), 'SHARD_ALREADY_RELEASED', /shard 1/);
        // All or none: shard 7 of the refused release was not paid either.
        await ledger.refund({ token, jobUID: 'job', attempt: 2, reason: 'Superseded', charged: false });
        await ledger.hold(holdOf(3, { shards: [{ index: 7, records: 1, amount: 1n }] }));
        await refusal(ledger.hold(holdOf(4)), 'SHARD_ALREADY_RELEASED');
        await refusal(
          ledger.refund({ token, jobUID: 'job', attempt: 1, reason: 'x', charged: false }),
          'ATTEMPT_RELEASED',
        );
      });

      test('every verifier of a shard is paid, before and after the work is', async () => {
        await ledger.hold(holdOf(1));
        await ledger.hold(holdOf(2, { provider: 'v1', purpose: 'Verification' }));
        await ledger.release({ token, jobUID: 'job', attempt: 2 });
        await ledger.release({ token, jobUID: 'job', attempt: 1 });
        await ledger.hold(holdOf(3, { provider: 'v2', purpose: 'Verification' }));
        await ledger.release({ token, jobUID: 'job', attempt: 3 });
        assert.deepEqual([await ledger.balance('provider/v1'), await ledger.balance('provider/v2')], [14n, 14n]);
      });

      test('a hold that the namespace cannot pay takes nothing', async () => {
        await refusal(
          ledger.hold(holdOf(1, { shards: [{ index: 0, records: 1, amount: 101n }] })),
          'INSUFFICIENT_FUNDS',
          /namespace\/vision has a balance of 0\.0001\b.*needs 0\.000101.*deposit 0\.000001/,
        );
        assert.equal(await ledger.highestAttempt('job'), 0);
        await refusal(ledger.hold(holdOf(1, { namespace: 'empty' })), 'INSUFFICIENT_FUNDS');
        assert.equal(
          await ledger.hold(holdOf(1, { namespace: 'empty', shards: [{ index: 0, records: 0, amount: 0n }] })),
          'held',
        );
      });

      const malformed: readonly [string, Partial<HoldRequest>, LedgerErrorCode][] = [
        ['attempt 0', { attempt: 0 }, 'ARGUMENT_INVALID'],
        ['work that verifies', { verifies: 1 }, 'ARGUMENT_INVALID'],
        ['a verified attempt 0', { purpose: 'Reference', verifies: 0 }, 'ARGUMENT_INVALID'],
        ['no shards', { shards: [] }, 'ARGUMENT_INVALID'],
        [
          'a shard twice',
          {
            shards: [
              { index: 1, records: 1, amount: 1n },
              { index: 1, records: 1, amount: 1n },
            ],
          },
          'ARGUMENT_INVALID',
        ],
        ['a negative amount', { shards: [{ index: 1, records: 1, amount: -1n }] }, 'MONEY_INVALID'],
        ['fractional records', { shards: [{ index: 1, records: 0.5, amount: 1n }] }, 'ARGUMENT_INVALID'],
        ['no namespace', { namespace: '' }, 'ARGUMENT_INVALID'],
        [
          'amounts that overflow',
          { shards: [1, 2].map((index) => ({ index, records: 1, amount: 2n ** 62n })) },
          'MONEY_INVALID',
        ],
      ];
      for (const [name, overrides, code] of malformed) {
        test(`refuses a hold with ${name}`, () => refusal(ledger.hold(holdOf(1, overrides)), code));
      }

      test('bounds the money in the books', async () => {
        await refusal(ledger.deposit({ namespace: 'vision', amount: 0n, idempotencyKey: 'd2' }), 'MONEY_INVALID');
        await refusal(
          ledger.deposit({ namespace: 'other', amount: 2n ** 63n - 1n, idempotencyKey: 'd2' }),
          'MONEY_INVALID',
        );
      });
    });

    describe('leadership', () => {
      test('an older token is refused everywhere but for deposits', async () => {
        await ledger.hold(holdOf(1));
        const newer = await ledger.acquireLeadership('hub-1');
        assert.ok(newer > token);
        const key = { token, jobUID: 'job', attempt: 1 };
        await refusal(ledger.hold(holdOf(1)), 'STALE_LEADER', /hub-1/);
        await refusal(ledger.release(key), 'STALE_LEADER');
        await refusal(ledger.refund({ ...key, reason: 'x', charged: false }), 'STALE_LEADER');
        await refusal(ledger.recordReceipt({ token, nodeKey: 'k', sequence: 0, digest: 'd' }), 'STALE_LEADER');
        await refusal(ledger.release({ ...key, token: newer + 1n }), 'STALE_LEADER');
        await ledger.deposit({ namespace: 'vision', amount: 1n, idempotencyKey: 'd2' });
        assert.equal(await ledger.release({ ...key, token: newer }), 'released');
      });

      test('a second process takes over', async () => {
        const second = openLedger(location, { now: () => clock });
        const newer = await second.acquireLeadership('hub-1');
        await refusal(ledger.hold(holdOf(1)), 'STALE_LEADER');
        assert.equal(await second.hold({ ...holdOf(1), token: newer }), 'held');
        assert.equal(await ledger.highestAttempt('job'), 1);
        await second.close();
      });
    });

    describe('receipts', () => {
      test('two receipts for one window are equivocation', async () => {
        const receipt = { token, nodeKey: 'k', sequence: 4, digest: 'a' };
        assert.equal(await ledger.recordReceipt(receipt), 'recorded');
        assert.equal(await ledger.recordReceipt(receipt), 'replayed');
        assert.equal(await ledger.recordReceipt({ ...receipt, nodeKey: 'other', digest: 'b' }), 'recorded');
        await refusal(ledger.recordReceipt({ ...receipt, digest: 'b' }), 'EQUIVOCATION', /k signed two.*4: a and b/);
      });
    });

    describe('history', () => {
      test('open holds are there after a restart, with their shards', async () => {
        await ledger.hold(holdOf(1));
        clock = 2_000;
        await ledger.hold(holdOf(2, { jobUID: 'other', shards: [{ index: 5, records: 7, amount: 0n }] }));
        await ledger.close();
        ledger = openLedger(location, { now: () => clock });
        const terms = { namespace: 'vision', provider: 'acme', node: 'n1', purpose: 'Work', verifies: undefined };
        assert.deepEqual(await ledger.heldAttempts(), [
          { jobUID: 'job', attempt: 1, ...terms, heldAt: 1_000, shards: holdOf(1).shards },
          { jobUID: 'other', attempt: 2, ...terms, heldAt: 2_000, shards: [{ index: 5, records: 7, amount: 0n }] },
        ]);
      });

      test('a statement pages from the newest', async () => {
        await ledger.hold(holdOf(1));
        clock = 3_000;
        await ledger.refund({ token, jobUID: 'job', attempt: 1, reason: 'x', charged: false });
        const first = await ledger.statement('namespace/vision', { limit: 2 });
        assert.deepEqual(
          first.map(({ kind, amount, reference, at }) => [kind, amount, reference, at]),
          [
            ['Refund', 14n, 'job/1', 3_000],
            ['Hold', -14n, 'job/1', 1_000],
          ],
        );
        const rest = await ledger.statement('namespace/vision', { limit: 2, before: first[1]!.posting });
        assert.deepEqual(
          rest.map(({ kind, amount, reference }) => [kind, amount, reference]),
          [['Deposit', 100n, 'd1']],
        );
      });
    });
  });
}
