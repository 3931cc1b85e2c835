import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { describeCrash, sqliteEngine } from './testing/index.ts';

const directory = await mkdtemp(join(tmpdir(), 'ledger-crash-'));
after(() => rm(directory, { recursive: true }));

describeCrash(sqliteEngine(directory));
