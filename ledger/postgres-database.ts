import pg from 'pg';
import type { Database, Sql, SqlValue } from './database.ts';
import { LedgerError, missing } from './errors.ts';
import { assertInvariants } from './invariants.ts';
import { translatePostgresError } from './postgres-errors.ts';
import { POSTGRES_DDL, POSTGRES_SCHEMA, POSTGRES_SCHEMA_VERSION, POSTGRES_UPGRADE_FROM_1 } from './postgres-schema.ts';

/** Any number that no other program's advisory locks use: "ISOC". */
const LOCK = 0x49534f43;
const CONNECT_MILLISECONDS = 5_000;
/** A transaction of ours takes milliseconds; a connection that takes longer is stuck, and must not be waited for. */
const LOCK_MILLISECONDS = 5_000;
const STATEMENT_MILLISECONDS = 15_000;
/** The check reads all rows there are. */
const CHECK_MILLISECONDS = 15 * 60_000;

/**
 * The books in PostgreSQL (15 or newer). Nothing is connected to before the first call.
 * @param url `postgresql://user@host:port/database?sslmode=…`
 * @param create has the first call make the tables where there are none
 * @throws LedgerError ARGUMENT_INVALID
 */
export function openPostgresDatabase(url: string, create: boolean): Database {
  if (!URL.canParse(url)) {
    throw new LedgerError(
      'ARGUMENT_INVALID',
      'the URL of the ledger cannot be read; write postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with what is special percent-encoded',
    );
  }
  const { host, pathname } = new URL(url);
  const pool = new pg.Pool({
    connectionString: url,
    application_name: 'isochrone-ledger',
    options: `-c search_path=${POSTGRES_SCHEMA} -c lock_timeout=${LOCK_MILLISECONDS} -c statement_timeout=${STATEMENT_MILLISECONDS} -c idle_in_transaction_session_timeout=${STATEMENT_MILLISECONDS}`,
    max: 4,
    connectionTimeoutMillis: CONNECT_MILLISECONDS,
    // The server's own limit does not help when the server has vanished.
    query_timeout: STATEMENT_MILLISECONDS + 5_000,
    keepAlive: true,
    types: {
      getTypeParser: (oid, format) =>
        oid === pg.types.builtins.INT8 ? BigInt : (pg.types.getTypeParser(oid, format) as (text: string) => unknown),
    },
  });
  // An idle connection that breaks is replaced by the next call, which also tells what is wrong if it stays so.
  pool.on('error', () => undefined);
  return new PostgresDatabase(pool, `PostgreSQL at ${host}${pathname}`, create);
}

class PostgresDatabase implements Database {
  readonly #pool: pg.Pool;
  /** For messages: the server and its database, without the password. */
  readonly #name: string;
  readonly #create: boolean;
  #migrated: Promise<void> | undefined;

  constructor(pool: pg.Pool, name: string, create: boolean) {
    this.#pool = pool;
    this.#name = name;
    this.#create = create;
  }

  async all<Row>(query: string, ...values: SqlValue[]): Promise<Row[]> {
    return this.#connected((client) => sqlOf(client).all<Row>(query, ...values));
  }

  async write<T>(body: (sql: Sql) => Promise<T>): Promise<T> {
    return this.#connected((client) => transaction(client, 'READ COMMITTED', true, body));
  }

  async snapshot<T>(body: (sql: Sql) => Promise<T>): Promise<T> {
    return this.#connected((client) =>
      transaction(client, 'REPEATABLE READ READ ONLY', false, async () => {
        await client.query(`SET LOCAL statement_timeout = ${CHECK_MILLISECONDS}`);
        return body(sqlOf(client, CHECK_MILLISECONDS));
      }),
    );
  }

  async check(): Promise<void> {
    await this.snapshot(assertInvariants);
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  async #connected<T>(action: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    this.#migrated ??= this.#lend((client) => this.#migrate(client)).catch((error: unknown) => {
      this.#migrated = undefined; // the next call tries again
      throw error;
    });
    await this.#migrated;
    return this.#lend(action);
  }

  async #migrate(client: pg.PoolClient): Promise<void> {
    await transaction(client, 'READ COMMITTED', true, async (sql) => {
      const [table] = await sql.all<{ found: string | null }>(
        `SELECT CAST(to_regclass('${POSTGRES_SCHEMA}.schema_version') AS TEXT) AS found`,
      );
      if (table?.found === null) {
        if (!this.#create) throw missing(this.#name);
        await client.query(`CREATE SCHEMA IF NOT EXISTS ${POSTGRES_SCHEMA}`);
        await client.query(POSTGRES_DDL);
        return;
      }
      const [row] = await sql.all<{ version: bigint }>('SELECT version FROM schema_version');
      if (row?.version === BigInt(POSTGRES_SCHEMA_VERSION)) return;
      if (row?.version === 1n) {
        await client.query(POSTGRES_UPGRADE_FROM_1);
        await client.query('UPDATE schema_version SET version = $1', [POSTGRES_SCHEMA_VERSION]);
        return;
      }
      throw new LedgerError(
        'LEDGER_VERSION',
        `the schema ${POSTGRES_SCHEMA} has version ${row?.version ?? 'none'}, this program knows ${POSTGRES_SCHEMA_VERSION}; run the newer program`,
      );
    });
  }

  async #lend<T>(action: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    let client: pg.PoolClient | undefined;
    let broken: Error | undefined;
    const onError = (error: Error): void => void (broken = error);
    try {
      client = await this.#pool.connect();
      client.on('error', onError); // a connection that breaks between two statements; the next one fails
      return await action(client);
    } catch (error) {
      const translated = translatePostgresError(error, this.#name);
      // What is unknown of a connection is not worth knowing: a new one costs a millisecond.
      if (!(error instanceof LedgerError)) broken = error as Error;
      throw translated;
    } finally {
      client?.off('error', onError);
      client?.release(broken ?? false);
    }
  }
}

/**
 * @param exclusive waits until no other process writes, so that what is read in it is still true when it is written: fencing
 *   tokens, balances and highest attempts need no further thought
 */
async function transaction<T>(
  client: pg.PoolClient,
  mode: string,
  exclusive: boolean,
  body: (sql: Sql) => Promise<T>,
): Promise<T> {
  await client.query(`BEGIN ISOLATION LEVEL ${mode}`);
  try {
    if (exclusive) await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK]);
    const result = await body(sqlOf(client));
    await client.query('COMMIT');
    return result;
  } catch (error) {
    // A refusal of ours; after any other error the connection is thrown away, and the server rolls back.
    if (error instanceof LedgerError) await client.query('ROLLBACK');
    throw error;
  }
}

/** @param timeout of one statement, as this side counts it; default that of the pool */
function sqlOf(client: pg.PoolClient, timeout?: number): Sql {
  return {
    async all<Row>(query: string, ...values: SqlValue[]): Promise<Row[]> {
      let parameter = 0;
      const text = query.replaceAll('?', () => `$${++parameter}`);
      const config = { text, values, ...(timeout !== undefined && { query_timeout: timeout }) };
      return (await client.query(config)).rows as Row[];
    },
  };
}
