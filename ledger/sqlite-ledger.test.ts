import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, describe, test } from 'node:test';
import { isLedgerUnavailable, type LedgerError } from './errors.ts';
import type { Ledger } from './ledger.ts';
import { openLedger } from './open-ledger.ts';
import { translateSqliteError } from './sqlite-errors.ts';
import { describeDump, describeModel, describeRules, sqliteEngine } from './testing/index.ts';

const directory = await mkdtemp(join(tmpdir(), 'ledger-'));
after(() => rm(directory, { recursive: true }));
const engine = sqliteEngine(directory);

describeRules(engine);
describeModel(engine, 60);
describeDump(engine, engine);

describe('the file', () => {
  test('a newer schema is refused', () => {
    const other = join(directory, 'newer.db');
    openLedger(other, { now: () => 0 });
    new DatabaseSync(other).exec('PRAGMA user_version = 3');
    assert.throws(() => openLedger(other, { now: () => 0 }), {
      code: 'LEDGER_VERSION',
      message: /version 3.*knows 2/,
    });
  });

  test('books of the first schema are brought up to this one', async () => {
    const other = join(directory, 'older.db');
    await openLedger(other, { now: () => 0 }).close();
    const older = new DatabaseSync(other);
    older.exec('DROP TABLE restoration; PRAGMA user_version = 1');
    older.close();
    const ledger = openLedger(other, { now: () => 0 });
    assert.equal(await ledger.highestAttempt('job'), 0);
    await ledger.close();
    await openLedger(other, { now: () => 0 }).close();
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

  test('a mistyped path does not become new, empty books', async () => {
    const other = join(directory, 'mistyped.db');
    const open = (): Ledger => openLedger(other, { now: () => 0, create: false });
    assert.throws(open, { code: 'LEDGER_MISSING', message: /mistyped\.db; name the ledger of the operator/ });
    assert.equal(existsSync(other), false);
    await writeFile(other, '');
    assert.throws(open, { code: 'LEDGER_MISSING' });
    openLedger(other, { now: () => 0 });
    await open().check();
  });

  test('a file that cannot be opened is named, with the remedy', () => {
    for (const path of [join(directory, 'missing', 'books.db'), directory]) {
      assert.throws(
        () => openLedger(path, { now: () => 0 }),
        (error: Error & { code?: string }) => {
          assert.equal(error.code, 'LEDGER_UNAVAILABLE');
          assert.ok(error.message.includes(`${path} cannot be opened`), error.message);
          return /name a file, in a directory that exists/.test(error.message);
        },
      );
    }
  });

  test('a full disk and a read-only file are named, too', () => {
    for (const [errcode, message] of [
      [8, /books cannot be written \(why\); let this user write/],
      [13, /books cannot grow: the disk is full/],
      [10 | (1 << 8), /books cannot be read or written/],
    ] as const) {
      const error = translateSqliteError(Object.assign(new Error('why'), { errcode }), 'books') as LedgerError;
      assert.equal(error.code, 'LEDGER_UNAVAILABLE');
      assert.match(error.message, message);
    }
  });
});

describe('beside another process', () => {
  async function withOther(use: (ledger: Ledger, other: DatabaseSync) => Promise<void>): Promise<void> {
    const path = await engine.freshLocation();
    const ledger = openLedger(path, { now: () => 0 });
    const other = new DatabaseSync(path);
    try {
      await use(ledger, other);
    } finally {
      other.close();
      await ledger.close();
    }
  }
  const request = { namespace: 'n', amount: 1n, idempotencyKey: 'k' };

  test('a write waits for its lock, and the rest of the process does not', async () => {
    await withOther(async (ledger, other) => {
      other.exec('BEGIN IMMEDIATE');
      const deposited = ledger.deposit(request);
      // Were the wait in the thread, no timer could end it.
      setTimeout(() => other.exec('COMMIT'), 100);
      assert.equal((await deposited).replayed, false);
    });
  });

  test('a lock that is never given back ends as LEDGER_BUSY, naming the file', async () => {
    await withOther(async (ledger, other) => {
      other.exec('BEGIN IMMEDIATE');
      await assert.rejects(ledger.deposit(request), (error) => {
        assert.ok(isLedgerUnavailable(error));
        assert.equal(error.code, 'LEDGER_BUSY');
        return /\.db is held by another process/.test(error.message);
      });
    });
  });

  test('the books are proved while the other writes', async () => {
    await withOther(async (ledger, other) => {
      other.exec('BEGIN IMMEDIATE');
      await ledger.check();
    });
  });
});
