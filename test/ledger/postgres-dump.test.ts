import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe } from 'node:test';
import { describeDump, sqliteEngine, type Engine } from '@isochrone/ledger/testing';
import { postgresLacking, startPostgres } from '@isochrone/tools/local';

const lacking = await postgresLacking();

describe('backups between the engines of the ledger', { skip: lacking ?? false }, async () => {
  if (lacking !== undefined) return;
  const server = await startPostgres();
  after(() => server.stop());
  const directory = await mkdtemp(join(tmpdir(), 'ledger-'));
  after(() => rm(directory, { recursive: true }));
  const postgres: Engine = { name: 'PostgreSQL', freshLocation: () => server.createDatabase('books') };
  const sqlite = sqliteEngine(directory);

  describeDump(postgres, postgres);
  describeDump(sqlite, postgres);
  describeDump(postgres, sqlite);
});
