/**
 * Runs every test of the repository: unit tests side by side, then those with real processes two files at a time, then those
 * with whole clusters. One report, one set of counts, one exit status.
 *
 * Usage: node tools/testing/main.ts [--tier unit|API|cluster] [ROOT]
 */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { spec, type TestEvent } from 'node:test/reporters';
import { parseArgs } from 'node:util';
import { runTiers, tiersOf } from './run-tiers.ts';

const { values, positionals } = parseArgs({ options: { tier: { type: 'string' } }, allowPositionals: true });
const [root = join(import.meta.dirname, '..', '..')] = positionals;
const all = tiersOf(root, availableParallelism());
const tiers = values.tier === undefined ? all : all.filter(({ name }) => name === values.tier);
if (tiers.length === 0) {
  throw new Error(`--tier ${values.tier ?? ''}: there is none; take one of ${all.map(({ name }) => name).join(', ')}`);
}

const events = Readable.from(runTiers(tiers, root), { objectMode: true });
events.on('data', (event: TestEvent) => {
  if (event.type === 'test:fail' && event.data.todo === undefined) process.exitCode = 1;
});
await pipeline(events, new spec(), process.stdout, { end: false });
