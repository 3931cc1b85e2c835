import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, describe, test } from 'node:test';
import { openLedger } from './open-ledger.ts';
import { describeModel, describeRules, sqliteEngine } from './testing/index.ts';

const directory = await mkdtemp(join(tmpdir(), 'ledger-'));
after(() => rm(directory, { recursive: true }));
const engine = sqliteEngine(directory);

describeRules(engine);
describeModel(engine, 60);

describe('the file', () => {
  test('a newer schema is refused', () => {
    const other = join(directory, 'newer.db');
    openLedger(other, { now: () => 0 });
    new DatabaseSync(other).exec('PRAGMA user_version = 2');
    assert.throws(() => openLedger(other, { now: () => 0 }), {
      code: 'LEDGER_VERSION',
      message: /version 2.*knows 1/,
    });
  });

  test("another program's database is refused", () => {
    const other = join(directory, 'other.db');
    new DatabaseSync(other).exec('CREATE TABLE t (x)');
    assert.throws(() => openLedger(other, { now: () => 0 }), {
      code: 'LEDGER_VERSION',
      message: /another program/,
    });
  });

  test('a file that is no database is refused', async () => {
    const other = join(directory, 'text.db');
    await writeFile(other, 'not a database, but long enough to be read as the header of one. '.repeat(20));
    assert.throws(() => openLedger(other, { now: () => 0 }), { code: 'LEDGER_CORRUPT' });
  });
});
