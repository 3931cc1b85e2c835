import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError, KubeconfigError, RequestTimeoutError } from '@isochrone/kube';
import { LedgerError } from '@isochrone/ledger';
import type { OperatorErrorCode } from '@isochrone/operator/storage';
import { ServiceError } from '@isochrone/service';
import { CliError, describeError } from './errors.ts';
import { exitStatus } from './exit-status.ts';
import { age, render, table } from './output.ts';

test('a table is aligned, and no line ends with blanks', () => {
  const text = table(
    ['A', 'LONG', 'LAST'],
    [
      ['xx', 'y', ''],
      ['z', 'wwwww', 'last one'],
    ],
  );
  assert.equal(text, 'A    LONG    LAST\nxx   y\nz    wwwww   last one\n');
});

test('ages have at most two units', () => {
  const seconds = (value: number): string => age(value * 1000);
  assert.deepEqual([0, 8, 312, 7200, 273_600].map(seconds), ['0s', '8s', '5m12s', '2h', '3d4h']);
  assert.equal(age(-5), '0s');
});

test('one document, four formats', () => {
  const text = (wide: boolean): string => (wide ? 'wide' : 'narrow');
  assert.equal(render({ a: 1 }, 'json', text), '{\n  "a": 1\n}\n');
  assert.equal(render({ a: 1 }, 'yaml', text), 'a: 1\n');
  assert.equal(render({ a: 1 }, 'wide', text), 'wide');
  assert.equal(render({ a: 1 }, undefined, text), 'narrow');
});

const refused = Object.assign(new TypeError('fetch failed'), {
  cause: Object.assign(new Error('x'), { code: 'ECONNREFUSED' }),
});
const storageError = (code: OperatorErrorCode): Error => Object.assign(new Error('m'), { code });
const statuses: [unknown, number][] = [
  [new CliError('USAGE', 'm'), exitStatus.usage],
  [new CliError('NOT_FOUND', 'm'), exitStatus.notFound],
  [new ServiceError('ADDRESS_UNAVAILABLE', 'm'), exitStatus.unavailable],
  [new ApiError('m', { status: 404 }), exitStatus.notFound],
  [new ApiError('m', { status: 403 }), exitStatus.forbidden],
  [new ApiError('m', { status: 401 }), exitStatus.forbidden],
  [new ApiError('m', { status: 500 }), exitStatus.failed],
  [new ApiError('m', { status: 503 }), exitStatus.unavailable],
  [new KubeconfigError('m'), exitStatus.usage],
  [new RequestTimeoutError('m', 1), exitStatus.unavailable],
  [new LedgerError('INSUFFICIENT_FUNDS', 'm'), exitStatus.failed],
  [new LedgerError('MONEY_INVALID', 'm'), exitStatus.usage],
  [new LedgerError('LEDGER_BUSY', 'm'), exitStatus.unavailable],
  [new LedgerError('LEDGER_UNAVAILABLE', 'm'), exitStatus.unavailable],
  [storageError('STORAGE_UNAVAILABLE'), exitStatus.unavailable],
  [storageError('STORAGE_NOT_FOUND'), exitStatus.notFound],
  [storageError('STORAGE_ACCESS_DENIED'), exitStatus.forbidden],
  [refused, exitStatus.unavailable],
  ['text', exitStatus.failed],
];
test('every error has its exit status, and no secret', () => {
  for (const [error, status] of statuses) assert.equal(describeError(error).status, status, String(error));
  assert.doesNotMatch(describeError(new Error('Bearer abcdefgh12345')).message, /abcdefgh/);
});
