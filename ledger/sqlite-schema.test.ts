import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { SqliteDatabase } from './sqlite-database.ts';
import { SCHEMA } from './sqlite-schema.ts';
import { BOOKS, refused } from './testing/index.ts';

function books(): DatabaseSync {
  const db = new DatabaseSync(':memory:', { readBigInts: true });
  db.exec(SCHEMA + BOOKS);
  return db;
}

test('hand-written books stand', async () => {
  await new SqliteDatabase(books(), ':memory:').check();
});

for (const [name, sql] of Object.entries(refused)) {
  test(`the schema refuses ${name}`, () => {
    assert.throws(() => books().exec(sql), { code: 'ERR_SQLITE_ERROR' });
  });
}

/** What only a broken disk or a hand with the sqlite3 shell can do; the triggers are dropped to play it. */
const corrupted: readonly [string, string, RegExp][] = [
  [
    'a changed balance',
    `UPDATE account SET balance = 99 WHERE name = 'namespace/a'`,
    /account namespace\/a has 99.*sum to 85.*posting 3/,
  ],
  ['a changed entry', `UPDATE entry SET amount = 11 WHERE posting = 4 AND line = 1`, /posting 4 sums to 1/],
  ['a lost seal', `DELETE FROM posting_seal WHERE id = 3`, /posting 3|posting → posting_seal/],
  ['a lost release', `DELETE FROM released_shard`, /shard j\/0 of attempt 1, posting 4/],
  [
    'a release of what is held',
    `INSERT INTO released_shard (job_uid, shard_index, attempt) VALUES ('j', 1, 2)`,
    /shard j\/1 of attempt 2/,
  ],
  ['a changed amount', `UPDATE attempt SET amount = 6 WHERE attempt = 2`, /attempt j\/2, posting 3/],
  ['a changed provider', `UPDATE attempt SET provider = 'q' WHERE attempt = 1`, /posting 4 of attempt j\/1/],
  ['a changed namespace', `UPDATE attempt SET namespace = 'b' WHERE attempt = 2`, /posting 3 of attempt j\/2/],
  ['a wrong total', `UPDATE namespace_total SET held = 6`, /namespace a/],
  [
    'an attempt unsettled',
    `UPDATE attempt SET state = 'Held', settled_at = NULL, settle_posting = NULL WHERE attempt = 1`,
    /posting 4|account hold has 5, open attempts hold 15/,
  ],
];

for (const [name, sql, message] of corrupted) {
  test(`the start-up check names ${name}`, async () => {
    const db = books();
    const triggers = db.prepare(`SELECT name FROM sqlite_schema WHERE type = 'trigger'`).all();
    db.exec('PRAGMA foreign_keys = OFF');
    for (const trigger of triggers) db.exec(`DROP TRIGGER ${String(trigger['name'])}`);
    db.exec(sql);
    await assert.rejects(new SqliteDatabase(db, ':memory:').check(), { code: 'LEDGER_CORRUPT', message });
  });
}
