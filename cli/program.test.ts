import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

const isochrone = (...args: string[]): string =>
  execFileSync(process.execPath, [join(import.meta.dirname, 'isochrone.ts'), ...args], { encoding: 'utf8' });

test('help of a command is what its --help prints', () => {
  assert.match(isochrone('help', 'scheduler'), /--listen-address <text>/);
  assert.equal(isochrone('help', 'ledger', 'deposit'), isochrone('ledger', 'deposit', '--help'));
  assert.equal(isochrone('help'), isochrone('--help'));
});
