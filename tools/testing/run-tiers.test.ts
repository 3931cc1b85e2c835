import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { tiersOf } from './run-tiers.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'isochrone-tiers-'));
});
afterEach(() => rmSync(root, { recursive: true }));

const passing = "test('passes', () => {});";

function place(file: string, body: string): void {
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), `import { test } from 'node:test';\n${body}\n`);
}

function run(...args: string[]): { status: number | null; counts: Record<string, number>; output: string } {
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined }; // else the inner runner takes itself for a part of this one
  const { status, stdout } = spawnSync(process.execPath, [join(import.meta.dirname, 'main.ts'), ...args, root], {
    env,
    encoding: 'utf8',
  });
  const counts = Object.fromEntries(
    [...stdout.matchAll(/^ℹ (\w+) ([\d.]+)$/gm)].map(([, name, value]) => [name!, Number(value)]),
  );
  return { status, counts, output: stdout };
}

test('unit tests lie anywhere but in test/, packages of others do not count', () => {
  place('kube/queue.test.ts', passing);
  place('operator/jobs/plan.test.ts', passing);
  place('test/e2e/job.test.ts', passing);
  place('test/cluster/install.test.ts', passing);
  place('node_modules/other/x.test.ts', passing);
  place('kube/node_modules/other/x.test.ts', passing);
  assert.deepEqual(tiersOf(root, 4), [
    {
      name: 'unit',
      files: [join(root, 'kube/queue.test.ts'), join(root, 'operator/jobs/plan.test.ts')],
      concurrency: 4,
    },
    { name: 'API', files: [join(root, 'test/e2e/job.test.ts')], concurrency: 2 },
    { name: 'cluster', files: [join(root, 'test/cluster/install.test.ts')], concurrency: 1 },
  ]);
});

test('one tier by its name; no tier by another', () => {
  place('kube/a.test.ts', passing);
  place('test/cluster/a.test.ts', passing);
  place('test/cluster/b.test.ts', passing);
  const { status, counts } = run('--tier', 'cluster');
  assert.equal(status, 0);
  assert.equal(counts['tests'], 2);
  assert.equal(run('--tier', 'clusters').status, 1);
});

test('all pass: status 0 and the sum of the tiers, once', () => {
  place(
    'kube/a.test.ts',
    `${passing} test('also', { skip: true }, () => {}); test('later', { todo: true }, () => { throw new Error('not yet'); });`,
  );
  place('test/b.test.ts', passing);
  const { status, counts, output } = run();
  assert.equal(status, 0);
  const { duration_ms, ...rest } = counts;
  assert.deepEqual(rest, { tests: 4, suites: 0, pass: 2, fail: 0, cancelled: 0, skipped: 1, todo: 1 });
  assert.ok(duration_ms! > 0);
  assert.equal(output.match(/^ℹ tests /gm)?.length, 1);
});

for (const [what, file, body] of [
  ['a unit test', 'kube/a.test.ts', "test('bad', () => { throw new Error('no'); });"],
  ['an API test', 'test/a.test.ts', "test('bad', () => { throw new Error('no'); });"],
  ['a file that cannot be loaded', 'kube/a.test.ts', "import './absent.ts';"],
  ['a file that crashes', 'test/a.test.ts', 'process.exit(3);'],
] as const) {
  test(`${what} fails: so does the run, and the rest still runs`, () => {
    place(file, body);
    place('kube/z.test.ts', passing);
    place('test/z.test.ts', passing);
    const { status, counts } = run();
    assert.equal(status, 1);
    assert.equal(counts['fail'], 1);
    assert.equal(counts['pass'], 2);
  });
}
