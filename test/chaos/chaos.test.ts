import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { checkHistory } from './checker.ts';
import { readHistory } from './history.ts';
import { describeFault, planFaults } from './schedule.ts';

const run = promisify(execFile);
const program = join(import.meta.dirname, 'main.ts');
const folder = await mkdtemp(join(tmpdir(), 'isochrone-chaos-'));
after(() => rm(folder, { recursive: true }));
const first = join(folder, 'first.jsonl');

const chaos = (...args: string[]) => run(process.execPath, [program, ...args]);
const planned = planFaults({ seed: 3, seconds: 18, longestSeconds: 4, members: ['alpha', 'beta'] });

test('a short run does what its seed says, and keeps every promise', { timeout: 400_000 }, async () => {
  const { stdout } = await chaos('--minutes', '0.3', '--longest', '4', '--seed', '3', '--history', first);
  assert.match(stdout, /^seed 3, 0\.3 min, faults up to 4 s/);
  assert.match(stdout, /\b0 violations/);
  const history = readHistory(first);
  assert.deepEqual(
    history.flatMap((entry) => (entry.kind === 'Fault' && entry.phase === 'Injected' ? [entry.fault] : [])),
    planned.map(({ fault }) => describeFault(fault)),
  );
  assert.deepEqual(checkHistory(history), []);
  assert.equal(history.at(-1)?.kind, 'Quiet');
});

test('a history replays with its own settings, but for those that are given', async () => {
  const { stdout } = await chaos('--replay', first, '--dry-run');
  assert.match(stdout, /^seed 3, 0\.3 min, faults up to 4 s/);
  const told = stdout.trim().split('\n').slice(1);
  assert.deepEqual(
    told.map((line) => line.replace(/^ *[\d.]+ +[\d.]+ {2}/, '')),
    planned.map(({ fault }) => describeFault(fault)),
  );
  assert.match((await chaos('--replay', first, '--dry-run', '--seed', '4')).stdout, /^seed 4, 0\.3 min/);
});

for (const [args, message] of [
  [['--minutes', 'many'], /--minutes many: give a number above 0/],
  [['--seed=-1'], /--seed -1: give a number above 0/],
  [['--replay', program], /line 1: no JSON/],
] as const) {
  test(`${args.join(' ')} is refused`, async () => {
    await assert.rejects(chaos(...args), (error: { code: number; stderr: string }) => {
      assert.notEqual(error.code, 0);
      assert.match(error.stderr, message);
      return true;
    });
  });
}
