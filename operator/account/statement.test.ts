import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Entry } from '@isochrone/ledger';
import { accountStatement, STATEMENT_POSTINGS } from './statement.ts';

const entry = (posting: number): Entry => ({
  posting: BigInt(posting),
  kind: 'Hold',
  amount: -2_000_000n,
  reference: 'job/1',
  at: Date.UTC(2030, 0, 1),
});

test('an account as its namespace sees it', () => {
  const { metadata, data } = accountStatement(
    'vision',
    { balance: 8_000_000n, held: 2_000_000n, spent: 500_000n },
    [entry(7)],
    'EUR',
  );
  assert.equal(metadata.namespace, 'vision');
  assert.equal(data?.['balance'], '8.00');
  assert.equal(data?.['held'], '2.00');
  assert.equal(data?.['spent'], '0.50');
  assert.equal(data?.['currency'], 'EUR');
  assert.deepEqual(JSON.parse(data?.['postings'] ?? ''), [
    { posting: '7', kind: 'Hold', amount: '-2.00', reference: 'job/1', time: '2030-01-01T00:00:00.000Z' },
  ]);
});

test('no more postings than fit', () => {
  const entries = Array.from({ length: STATEMENT_POSTINGS + 5 }, (_, index) => entry(index));
  const { data } = accountStatement('vision', { balance: 0n, held: 0n, spent: 0n }, entries, 'EUR');
  assert.equal((JSON.parse(data?.['postings'] ?? '') as unknown[]).length, STATEMENT_POSTINGS);
});
