import { Books } from './books.ts';
import type { Database } from './database.ts';
import { breaksRule, exportRows, type DumpRow } from './dump.ts';
import { LedgerError } from './errors.ts';
import type {
  AttemptKey,
  AttemptRecord,
  Entry,
  Fenced,
  HeldAttempt,
  HoldRequest,
  Ledger,
  NamespaceAccount,
  Receipt,
  RefundRequest,
  ReleaseRequest,
  Restoration,
} from './ledger.ts';
import { assertInvariants } from './invariants.ts';
import { MAX_MONEY, formatMoney } from './money.ts';
import { restoreBooks } from './restoration.ts';
import { ATTEMPT_SHARDS, type AttemptRow, type ShardRow, groupHeldAttempts, toAttemptRecord, toEntry } from './rows.ts';
import { assertAmount, assertHold, assertInteger, assertText, outputsByShard } from './validation.ts';

/** The rules of the books, the same on every engine. Each mutation is one transaction. */
export class BooksLedger implements Ledger {
  readonly #database: Database;
  /** For what needs no transaction. */
  readonly #books: Books;
  readonly #now: () => number;

  constructor(database: Database, now: () => number) {
    this.#database = database;
    this.#books = new Books(database);
    this.#now = now;
  }

  async acquireLeadership(holder: string): Promise<bigint> {
    assertText('holder', holder);
    const upsert = `INSERT INTO leadership VALUES (1, 1, ?, ?)
      ON CONFLICT (id) DO UPDATE SET token = leadership.token + 1, holder = excluded.holder, acquired_at = excluded.acquired_at
      RETURNING token`;
    return this.#write(async (books) => (await books.get<{ token: bigint }>(upsert, holder, this.#now()))!.token);
  }

  async deposit(request: Parameters<Ledger['deposit']>[0]): Promise<{ posting: bigint; replayed: boolean }> {
    const { namespace, amount, idempotencyKey } = request;
    assertText('namespace', namespace);
    assertText('idempotencyKey', idempotencyKey);
    assertAmount('amount', amount, 1n);
    const account = `namespace/${namespace}`;
    return this.#write(async (books) => {
      const earlier = await books.get<{ posting: bigint; account: string; amount: bigint }>(
        `SELECT posting, account, amount FROM entry
         WHERE amount > 0 AND posting = (SELECT id FROM posting WHERE kind = 'Deposit' AND reference = ?)`,
        idempotencyKey,
      );
      if (earlier?.account === account && earlier.amount === amount)
        return { posting: earlier.posting, replayed: true };
      if (earlier) {
        throw new LedgerError(
          'IDEMPOTENCY_CONFLICT',
          `idempotencyKey ${JSON.stringify(idempotencyKey)} deposited ${formatMoney(earlier.amount)} to ${earlier.account} before; use a new key`,
        );
      }
      // All the money there is came from outside, so bounding this one account keeps every other from overflowing.
      assertAmount('total of all deposits', amount - (await books.balance('external')), 1n);
      const posting = await books.post('Deposit', idempotencyKey, 'external', account, amount, this.#now());
      return { posting, replayed: false };
    });
  }

  async hold(request: HoldRequest): Promise<'held' | 'replayed'> {
    const total = assertHold(request);
    const { namespace, jobUID, attempt, provider, node, purpose, verifies, shards } = request;
    const account = `namespace/${namespace}`;
    return this.#fenced(request, async (books) => {
      const row = await books.attempt(request);
      if (row?.state === 'Held') {
        await this.#assertSameTerms(books, request, row);
        return 'replayed';
      }
      // A settled attempt is stale too: who holds it again would start a task that no money stands behind.
      const highest = await books.highestAttempt(jobUID);
      if (attempt <= highest) {
        throw new LedgerError(
          'STALE_ATTEMPT',
          `attempt ${attempt} of job ${jobUID} is not above ${highest}, the highest there was; use ${highest + 1}`,
        );
      }
      if (purpose === 'Work') for (const { index } of shards) await this.#assertUnpaid(books, jobUID, index);
      const balance = await books.balance(account);
      if (balance < total) {
        throw new LedgerError(
          'INSUFFICIENT_FUNDS',
          `${account} has a balance of ${formatMoney(balance)}, attempt ${attempt} of job ${jobUID} needs ${formatMoney(total)}; deposit ${formatMoney(total - balance)} more`,
        );
      }
      const at = this.#now();
      const posting = await books.post('Hold', referenceOf(request), account, 'hold', total, at);
      await books.run(
        `INSERT INTO attempt (job_uid, attempt, namespace, provider, node, purpose, verifies, amount, held_at, hold_posting)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        ...[jobUID, attempt, namespace, provider, node, purpose, verifies ?? null, total, at, posting],
      );
      for (const { index, records, amount } of shards) {
        await books.run('INSERT INTO attempt_shard VALUES (?, ?, ?, ?, ?)', jobUID, attempt, index, records, amount);
      }
      return 'held';
    });
  }

  async release(request: ReleaseRequest): Promise<'released' | 'replayed'> {
    return this.#fenced(request, async (books) => {
      const row = await this.#attempt(books, request);
      if (row.state === 'Released') return 'replayed';
      if (row.state === 'Refunded') {
        throw new LedgerError(
          'ATTEMPT_REFUNDED',
          `attempt ${referenceOf(request)} was refunded (${row.reason ?? ''}); it cannot be paid`,
        );
      }
      const { jobUID, attempt } = request;
      const shards = (await books.shards(request)).map(({ shard_index }) => Number(shard_index));
      const outputs = outputsByShard(request, row.purpose === 'Work' ? shards : []);
      if (row.purpose === 'Work') {
        for (const index of shards) {
          await this.#assertUnpaid(books, jobUID, index);
          const { sha256 = null, sizeBytes = null } = outputs.get(index) ?? {};
          const insert = 'INSERT INTO released_shard VALUES (?, ?, ?, ?, ?)';
          await books.run(insert, jobUID, index, attempt, sha256, sizeBytes);
        }
      }
      const at = this.#now();
      const posting = await books.post(
        'Release',
        referenceOf(request),
        'hold',
        `provider/${row.provider}`,
        row.amount,
        at,
      );
      await books.settle(request, { state: 'Released', posting, at });
      return 'released';
    });
  }

  async refund(request: RefundRequest): Promise<'refunded' | 'replayed'> {
    const { reason, charged } = request;
    assertText('reason', reason);
    return this.#fenced(request, async (books) => {
      const row = await this.#attempt(books, request);
      if (row.state === 'Refunded') return 'replayed';
      if (row.state === 'Released') {
        throw new LedgerError(
          'ATTEMPT_RELEASED',
          `attempt ${referenceOf(request)} was paid to provider ${row.provider}; it cannot be refunded`,
        );
      }
      const at = this.#now();
      const account = `namespace/${row.namespace}`;
      const posting = await books.post('Refund', referenceOf(request), 'hold', account, row.amount, at);
      await books.settle(request, { state: 'Refunded', posting, at, reason, charged });
      return 'refunded';
    });
  }

  async recordReceipt(request: Fenced & Receipt): Promise<'recorded' | 'replayed'> {
    const { nodeKey, sequence, digest } = request;
    assertText('nodeKey', nodeKey);
    assertText('digest', digest);
    assertInteger('sequence', sequence, 0);
    return this.#fenced(request, async (books) => {
      const query = 'SELECT digest FROM receipt WHERE node_key = ? AND sequence = ?';
      const earlier = await books.get<{ digest: string }>(query, nodeKey, sequence);
      if (earlier?.digest === digest) return 'replayed';
      if (earlier) {
        throw new LedgerError(
          'EQUIVOCATION',
          `node ${nodeKey} signed two receipts with sequence ${sequence}: ${earlier.digest} and ${digest}`,
        );
      }
      await books.run('INSERT INTO receipt VALUES (?, ?, ?, ?)', nodeKey, sequence, digest, this.#now());
      return 'recorded';
    });
  }

  async highestAttempt(jobUID: string): Promise<number> {
    return this.#books.highestAttempt(jobUID);
  }

  async attempts(jobUID: string, attempt?: number): Promise<AttemptRecord[]> {
    const one = attempt === undefined ? [] : [attempt];
    const query = `${ATTEMPT_SHARDS} WHERE job_uid = ? ${one.length > 0 ? 'AND attempt = ?' : ''} ORDER BY attempt, shard_index`;
    return (await this.#books.all<AttemptRow & ShardRow>(query, jobUID, ...one)).map(toAttemptRecord);
  }

  async heldAttempts(): Promise<HeldAttempt[]> {
    const query = `${ATTEMPT_SHARDS} WHERE state = 'Held' ORDER BY job_uid, attempt, shard_index`;
    return groupHeldAttempts(await this.#books.all<AttemptRow & ShardRow>(query));
  }

  async balance(account: string): Promise<bigint> {
    return this.#books.balance(account);
  }

  async namespaceAccount(namespace: string): Promise<NamespaceAccount> {
    // One statement, so that no transaction of another process falls between balance and totals.
    const row = await this.#books.get<NamespaceAccount>(
      `SELECT COALESCE((SELECT balance FROM account WHERE name = 'namespace/' || n.name), 0) AS balance,
         COALESCE((SELECT held FROM namespace_total WHERE namespace = n.name), 0) AS held,
         COALESCE((SELECT spent FROM namespace_total WHERE namespace = n.name), 0) AS spent
       FROM (SELECT CAST(? AS TEXT) AS name) n`,
      namespace,
    );
    return { ...row! };
  }

  async statement(
    account: string,
    { limit, before }: { readonly limit: number; readonly before?: bigint },
  ): Promise<Entry[]> {
    assertInteger('limit', limit, 1);
    const query = `SELECT p.id, p.kind, p.reference, p.at, e.amount FROM entry e JOIN posting p ON p.id = e.posting
      WHERE e.account = ? AND e.posting < ? ORDER BY e.posting DESC LIMIT ?`;
    const rows = await this.#books.all<Parameters<typeof toEntry>[0]>(query, account, before ?? MAX_MONEY, limit);
    return rows.map(toEntry);
  }

  async export(write: (row: DumpRow) => Promise<void>): Promise<void> {
    await this.#database.snapshot((sql) => exportRows(sql, write));
  }

  async restore({ source, rows }: Restoration): Promise<'restored' | 'replayed'> {
    assertText('source', source);
    try {
      return await this.#database.write(async (sql) => {
        const result = await restoreBooks(new Books(sql), source, rows, this.#now());
        if (result === 'restored') await assertInvariants(sql);
        return result;
      });
    } catch (error) {
      if (!breaksRule(error)) throw error;
      throw new LedgerError(
        'DUMP_INVALID',
        `the dump breaks a rule of the books: ${error.message}; use another backup`,
        { cause: error },
      );
    }
  }

  async check(): Promise<void> {
    await this.#database.check();
  }

  async close(): Promise<void> {
    await this.#database.close();
  }

  async #write<T>(body: (books: Books) => Promise<T>): Promise<T> {
    return this.#database.write((sql) => body(new Books(sql)));
  }

  async #fenced<T>({ token }: Fenced, body: (books: Books) => Promise<T>): Promise<T> {
    return this.#write(async (books) => {
      const leader = await books.get<{ token: bigint; holder: string }>('SELECT token, holder FROM leadership');
      if (leader?.token !== token) {
        const newest = leader ? `${leader.token} of ${leader.holder}` : 'none was given yet';
        throw new LedgerError('STALE_LEADER', `token ${token} is not the newest (${newest}); stop acting as leader`);
      }
      return body(books);
    });
  }

  async #assertSameTerms(books: Books, request: HoldRequest, row: AttemptRow): Promise<void> {
    const asked = request.shards.toSorted((a, b) => a.index - b.index);
    const held = await books.shards(request);
    const same =
      (['namespace', 'provider', 'node', 'purpose'] as const).every((field) => row[field] === request[field]) &&
      (row.verifies === null ? undefined : Number(row.verifies)) === request.verifies &&
      asked.map(({ index, records, amount }) => [index, records, amount].join(':')).join() ===
        held.map(({ shard_index, records, amount }) => [shard_index, records, amount].join(':')).join();
    if (same) return;
    throw new LedgerError(
      'IDEMPOTENCY_CONFLICT',
      `attempt ${referenceOf(request)} is held on other terms, for node ${row.node} of provider ${row.provider}; use a new attempt`,
    );
  }

  async #attempt(books: Books, key: AttemptKey): Promise<AttemptRow> {
    const row = await books.attempt(key);
    if (row) return row;
    throw new LedgerError(
      'ATTEMPT_UNKNOWN',
      `attempt ${referenceOf(key)} was never held; hold it before its task exists`,
    );
  }

  async #assertUnpaid(books: Books, jobUID: string, index: number | bigint): Promise<void> {
    const attempt = await books.paidAttempt(jobUID, index);
    if (attempt === undefined) return;
    throw new LedgerError(
      'SHARD_ALREADY_RELEASED',
      `shard ${index} of job ${jobUID} was paid for attempt ${attempt}; it is paid once`,
    );
  }
}

function referenceOf({ jobUID, attempt }: AttemptKey): string {
  return `${jobUID}/${attempt}`;
}
