import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { openLedger, type Ledger } from '@isochrone/ledger';
import { BOOKS, describeCrash, describeModel, describeRules, refused, type Engine } from '@isochrone/ledger/testing';
import { eventually, postgresLacking, startPostgres, type Postgres } from '@isochrone/tools/local';
import pg from 'pg';

const lacking = await postgresLacking();

/** Opens the books and counts shards of job `job` from there on, one hold and release each, until a call fails. */
async function workUntilItFails(ledger: Ledger, token: bigint, done: number[]): Promise<unknown> {
  for (let attempt = (await ledger.highestAttempt('job')) + 1; ; attempt++) {
    const key = { token, jobUID: 'job', attempt };
    try {
      const shards = [{ index: attempt, records: 1, amount: 1n }];
      await ledger.hold({ ...key, namespace: 'n', provider: 'p', node: 'x', purpose: 'Work', shards });
      await ledger.release(key);
      done.push(attempt);
    } catch (error) {
      return error;
    }
  }
}

describe('the ledger in PostgreSQL', { skip: lacking ?? false }, async () => {
  if (lacking !== undefined) return;
  const server: Postgres = await startPostgres();
  after(() => server.stop());
  const engine: Engine = { name: 'PostgreSQL', freshLocation: () => server.createDatabase('books') };

  describeRules(engine);
  describeModel(engine, 12);
  describeCrash(engine);

  describe('its schema', () => {
    for (const [name, sql] of Object.entries(refused)) {
      test(`refuses ${name}`, async () => {
        const url = await engine.freshLocation();
        const ledger = openLedger(url, { now: () => 0 });
        await ledger.check();
        const client = new pg.Client({ connectionString: url, options: '-c search_path=isochrone_ledger' });
        await client.connect();
        try {
          await client.query(BOOKS);
          await ledger.check();
          await assert.rejects(client.query(sql), { code: /^23/ });
        } finally {
          await client.end();
          await ledger.close();
        }
      });
    }

    test('of a newer program is refused', async () => {
      const url = await engine.freshLocation();
      const ledger = openLedger(url, { now: () => 0 });
      await ledger.check();
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      await client.query('UPDATE isochrone_ledger.schema_version SET version = 2');
      await client.end();
      await ledger.close();
      const older = openLedger(url, { now: () => 0 });
      await assert.rejects(older.check(), { code: 'LEDGER_VERSION', message: /version 2.*knows 1/ });
      await older.close();
    });
  });

  test('nobody who only looks makes tables', async () => {
    const url = await engine.freshLocation();
    const looking = openLedger(url, { now: () => 0, create: false });
    await assert.rejects(looking.balance('external'), {
      code: 'LEDGER_MISSING',
      message: /there are no books in PostgreSQL at/,
    });
    const making = openLedger(url, { now: () => 0 });
    await making.check();
    assert.equal(await looking.balance('external'), 0n);
    await Promise.all([looking.close(), making.close()]);
  });

  describe('when it cannot be reached', () => {
    test('the error names the server and the remedy, never the password', async () => {
      const ledger = openLedger('postgresql://me:secret@127.0.0.1:1/books', { now: () => 0 });
      await assert.rejects(ledger.check(), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'LEDGER_UNAVAILABLE');
        assert.match(error.message, /127\.0\.0\.1:1\/books cannot be used now.*ECONNREFUSED/);
        assert.doesNotMatch(error.message, /secret/);
        return true;
      });
      await ledger.close();
    });

    test('a database that does not exist is named', async () => {
      const ledger = openLedger(server.url.replace(/postgres$/, 'none'), { now: () => 0 });
      await assert.rejects(ledger.check(), {
        code: 'LEDGER_UNAVAILABLE',
        message: /"none" does not exist.*correct the URL/,
      });
      await ledger.close();
    });

    test('a URL that cannot be read is refused at once', () => {
      assert.throws(() => openLedger('postgresql://user:p@ss@[', { now: () => 0 }), { code: 'ARGUMENT_INVALID' });
    });
  });

  test('kill -9 of the server loses nothing that was told to be done, and its return is all that is needed', async () => {
    const ledger = openLedger(await engine.freshLocation(), { now: Date.now });
    await ledger.deposit({ namespace: 'n', amount: 1_000_000n, idempotencyKey: 'd' });
    const token = await ledger.acquireLeadership('hub');
    for (let kill = 0; kill < 3; kill++) {
      // Given a leader at work
      const done: number[] = [];
      const failure = workUntilItFails(ledger, token, done);
      await eventually(async () => done.length > 10, { interval: 5, describe: 'ten attempts' });

      // When the server is killed
      await server.kill9();
      const error = (await failure) as Error & { code?: string };
      assert.equal(error.code, 'LEDGER_UNAVAILABLE', error.message);
      await assert.rejects(ledger.check(), { code: 'LEDGER_UNAVAILABLE' });
      await server.start();

      // Then the books are whole, all that was answered is in them, and the same token goes on
      await ledger.check();
      const states = new Map((await ledger.attempts('job')).map(({ attempt, state }) => [attempt, state]));
      for (const attempt of done) assert.equal(states.get(attempt), 'Released');
      for (const { attempt } of await ledger.heldAttempts()) {
        assert.equal(await ledger.release({ token, jobUID: 'job', attempt }), 'released');
      }
      const { balance, spent } = await ledger.namespaceAccount('n');
      assert.equal(balance + spent, 1_000_000n);
    }
    await ledger.close();
  });
});
