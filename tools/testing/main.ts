/**
 * Runs every test of the repository: unit tests side by side, then those with real processes one file at a time.
 * One report, one set of counts, one exit status.
 *
 * Usage: node tools/testing/main.ts [ROOT]
 */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { spec, type TestEvent } from 'node:test/reporters';
import { runTiers, tiersOf } from './run-tiers.ts';

const root = process.argv[2] ?? join(import.meta.dirname, '..', '..');

const events = Readable.from(runTiers(tiersOf(root, availableParallelism()), root), { objectMode: true });
events.on('data', (event: TestEvent) => {
  if (event.type === 'test:fail' && event.data.todo === undefined) process.exitCode = 1;
});
await pipeline(events, new spec(), process.stdout, { end: false });
