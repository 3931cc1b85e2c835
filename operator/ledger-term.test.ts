import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { systemClock } from '@isochrone/kube';
import { openLedger, type Ledger, type LedgerError } from '@isochrone/ledger';
import { beginLedgerTerm } from './ledger-term.ts';

function books(t: TestContext): Ledger {
  const ledger = openLedger(':memory:', systemClock);
  t.after(() => ledger.close());
  return ledger;
}
const receipt = { nodeKey: 'k', sequence: 0, digest: 'd' };

test('a leadership that ended while the books were proven takes no token', async (t) => {
  const ledger = books(t);
  const token = await ledger.acquireLeadership('the true leader');
  const deposed = new AbortController();
  const proof = ledger.check.bind(ledger);
  ledger.check = async () => {
    await proof();
    deposed.abort();
  };
  assert.equal(await beginLedgerTerm(ledger, 'the deposed leader', deposed.signal), undefined);
  assert.equal(await ledger.recordReceipt({ token, ...receipt }), 'recorded');
});

test('a token that is refused as stale ends the term, whoever catches the refusal', async (t) => {
  const ledger = books(t);
  const { signal } = new AbortController();
  const term = (await beginLedgerTerm(ledger, 'first', signal))!;
  await assert.rejects(
    term.ledger.refund({ token: term.token, jobUID: 'j', attempt: 1, reason: 'x', charged: false }),
    {
      code: 'ATTEMPT_UNKNOWN',
    },
  );
  assert.equal(term.over.aborted, false, 'another refusal is no end');
  await ledger.acquireLeadership('second');
  await assert.rejects(term.ledger.recordReceipt({ token: term.token, ...receipt }), { code: 'STALE_LEADER' });
  assert.equal(term.over.aborted, true);
  assert.equal((term.over.reason as LedgerError).code, 'STALE_LEADER');
  const next = (await beginLedgerTerm(ledger, 'first', signal))!;
  assert.equal(await next.ledger.recordReceipt({ token: next.token, ...receipt }), 'recorded');
});
