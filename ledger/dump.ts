import type { Books } from './books.ts';
import type { Sql, SqlValue } from './database.ts';
import { LedgerError } from './errors.ts';

/** One row of the books, for a file: the same from every engine. Integers are decimal text. */
export interface DumpRow {
  readonly table: DumpTable;
  readonly values: readonly (string | null)[];
}

interface Columns {
  readonly text: readonly string[];
  readonly integer: readonly string[];
  /** Primary key: the order of the dump. */
  readonly key: readonly string[];
}

/**
 * In the order in which they are read back. What is not here follows from it: balances and totals (triggers keep them) and
 * seals. The restoration is not here either: the next one has its own.
 */
const tables = {
  leadership: { text: [], integer: ['token'], key: ['token'] },
  posting: { text: ['kind', 'reference'], integer: ['id', 'at'], key: ['id'] },
  entry: { text: ['account'], integer: ['posting', 'line', 'amount'], key: ['posting', 'line'] },
  attempt: {
    text: ['job_uid', 'namespace', 'provider', 'node', 'purpose', 'state', 'reason'],
    integer: [
      ...['attempt', 'verifies', 'amount', 'charged'],
      ...['held_at', 'settled_at', 'hold_posting', 'settle_posting'],
    ],
    key: ['job_uid', 'attempt'],
  },
  attempt_shard: {
    text: ['job_uid'],
    integer: ['attempt', 'shard_index', 'records', 'amount'],
    key: ['job_uid', 'attempt', 'shard_index'],
  },
  released_shard: {
    text: ['job_uid', 'sha256'],
    integer: ['shard_index', 'attempt', 'size_bytes'],
    key: ['job_uid', 'shard_index'],
  },
  receipt: { text: ['node_key', 'digest'], integer: ['sequence', 'at'], key: ['node_key', 'sequence'] },
} as const satisfies Record<string, Columns>;

export type DumpTable = keyof typeof tables;

const order = Object.keys(tables) as DumpTable[];
const columnsOf = (table: DumpTable): readonly string[] => [...tables[table].text, ...tables[table].integer];

const pageRows = 1000;

/** All rows, page by page; in one transaction they are of one moment. */
export async function exportRows(sql: Sql, write: (row: DumpRow) => Promise<void>): Promise<void> {
  for (const table of order) {
    const columns = columnsOf(table);
    const { key } = tables[table];
    const [names, places] = [key.join(', '), key.map(() => '?').join(', ')];
    let after: SqlValue[] | undefined;
    do {
      const query = `SELECT ${columns.join(', ')} FROM ${table} ${after === undefined ? '' : `WHERE (${names}) > (${places})`}
        ORDER BY ${names} LIMIT ${pageRows}`;
      const page = await sql.all<Record<string, SqlValue>>(query, ...(after ?? []));
      for (const row of page) {
        const values = columns.map((name) => row[name] ?? null);
        await write({ table, values: values.map((value) => (value === null ? null : String(value))) });
      }
      const last = page.length < pageRows ? undefined : page.at(-1);
      after = last && key.map((name) => last[name] ?? null);
    } while (after !== undefined);
  }
}

/**
 * Writes the rows into books that have none, under every rule that the schema has. Postings keep their numbers.
 * @returns the newest fencing token and the newest time in the rows
 * @throws LedgerError DUMP_INVALID
 */
export async function importRows(
  books: Books,
  rows: AsyncIterable<DumpRow>,
): Promise<{ token: bigint; newestAt: number }> {
  let [token, newestAt, reached] = [0n, 0, 0];
  for await (const row of rows) {
    const position = order.indexOf(row.table);
    if (position < reached) throw invalid(`a row of ${row.table} comes after rows of ${order[reached]}`);
    // A posting takes no entries once it is sealed, and without its seal nothing can be committed.
    if (reached <= order.indexOf('entry') && position > order.indexOf('entry')) await seal(books);
    reached = position;
    const values = parse(row);
    for (const name of ['at', 'held_at', 'settled_at']) newestAt = Math.max(newestAt, Number(values.get(name) ?? 0));
    if (row.table === 'leadership') token = values.get('token') as bigint;
    else await insert(books, row.table, values);
  }
  if (reached <= order.indexOf('entry')) await seal(books);
  return { token, newestAt };
}

async function seal(books: Books): Promise<void> {
  await books.run('INSERT INTO posting_seal (id) SELECT id FROM posting');
}

/** What an attempt is inserted as; the rest is settled after, as it was when it happened. */
const settlement = new Set(['state', 'reason', 'charged', 'settled_at', 'settle_posting']);

async function insert(books: Books, table: DumpTable, values: ReadonlyMap<string, SqlValue>): Promise<void> {
  if (table === 'entry')
    await books.run('INSERT INTO account (name) VALUES (?) ON CONFLICT DO NOTHING', values.get('account') ?? null);
  const first = [...values].filter(([name]) => table !== 'attempt' || !settlement.has(name));
  await books.run(
    `INSERT INTO ${table} (${first.map(([name]) => name).join(', ')}) VALUES (${first.map(() => '?').join(', ')})`,
    ...first.map(([, value]) => value),
  );
  if (table !== 'attempt' || values.get('state') === 'Held') return;
  const rest = [...values].filter(([name]) => settlement.has(name));
  await books.run(
    `UPDATE attempt SET ${rest.map(([name]) => `${name} = ?`).join(', ')} WHERE job_uid = ? AND attempt = ?`,
    ...rest.map(([, value]) => value),
    ...['job_uid', 'attempt'].map((name) => values.get(name) ?? null),
  );
}

/** @throws LedgerError DUMP_INVALID */
function parse({ table, values }: DumpRow): Map<string, SqlValue> {
  const columns = columnsOf(table);
  if (columns.length !== values.length)
    throw invalid(`a row of ${table} has ${values.length} values, not ${columns.length}`);
  const integers: readonly string[] = tables[table].integer;
  return new Map<string, SqlValue>(
    columns.map((name, position): [string, SqlValue] => {
      const value = values[position]!;
      if (value === null || !integers.includes(name)) return [name, value];
      if (!/^-?[0-9]{1,19}$/.test(value))
        throw invalid(`${name} of ${table} is ${JSON.stringify(value)}, not an integer`);
      return [name, BigInt(value)];
    }),
  );
}

/** Whether the value is a row of a dump, as `JSON.parse` gives it. */
export function isDumpRow(value: unknown): value is DumpRow {
  if (typeof value !== 'object' || value === null) return false;
  const { table, values } = value as { table?: unknown; values?: unknown };
  return (
    order.includes(table as DumpTable) &&
    Array.isArray(values) &&
    values.every((one) => one === null || typeof one === 'string')
  );
}

function invalid(what: string): LedgerError {
  return new LedgerError('DUMP_INVALID', `the dump of the ledger cannot be read: ${what}; use another backup`);
}

/** Whether the engine refused what the schema forbids: SQLITE_CONSTRAINT, or class 23 of SQLSTATE. */
export function breaksRule(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  const { errcode, code } = error as { errcode?: number; code?: unknown };
  return (errcode !== undefined && (errcode & 0xff) === 19) || (typeof code === 'string' && /^23...$/.test(code));
}
