import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { LedgerError } from './errors.ts';
import { translatePostgresError } from './postgres-errors.ts';

/** As the server answers it. */
function ofServer(code: string): Error {
  return Object.assign(new pg.DatabaseError('why', 0, 'error'), { code });
}

/** As Node.js throws it. */
function ofSystem(code: string): Error {
  return Object.assign(new Error('why'), { code });
}

for (const [what, error, code] of [
  ['a lock that was waited for in vain', ofServer('55P03'), 'LEDGER_BUSY'],
  ['a server that is stopped', ofServer('57P01'), 'LEDGER_UNAVAILABLE'],
  ['a server that is full', ofServer('53300'), 'LEDGER_UNAVAILABLE'],
  ['a role that may not', ofServer('42501'), 'LEDGER_UNAVAILABLE'],
  ['a damaged index', ofServer('XX002'), 'LEDGER_CORRUPT'],
  ['nobody at the port', ofSystem('ECONNREFUSED'), 'LEDGER_UNAVAILABLE'],
  ['a connection that the server had ended', ofSystem('ECONNRESET'), 'LEDGER_UNAVAILABLE'],
  // Five capitals, and no SQLSTATE.
  ['a write to a connection that was already gone', ofSystem('EPIPE'), 'LEDGER_UNAVAILABLE'],
  ['a connection that the driver gave up', new Error('Connection terminated unexpectedly'), 'LEDGER_UNAVAILABLE'],
] as const) {
  test(`${what} is ${code}`, () => {
    const translated = translatePostgresError(error, 'PostgreSQL at host/books');
    assert.ok(translated instanceof LedgerError);
    assert.equal(translated.code, code);
    assert.match(translated.message, /^PostgreSQL at host\/books.*why|terminated unexpectedly/);
  });
}

test('what is a bug stays as it is', () => {
  for (const error of [ofServer('23505'), ofServer('42601'), new TypeError('why')])
    assert.equal(translatePostgresError(error, 'PostgreSQL'), error);
});
