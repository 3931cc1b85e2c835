import { globSync } from 'node:fs';
import { join } from 'node:path';
import { run } from 'node:test';
import type { TestEvent } from 'node:test/reporters';

/** A set of test files, and how many of them run at once. */
export interface Tier {
  readonly name: string;
  readonly files: readonly string[];
  readonly concurrency: number;
}

/**
 * Unit tests lie beside the code; what needs real processes lies in test/ and is run two files at a time: they wait more than
 * they work, for leases and restarts, and each may bring three API servers. Last come whole clusters in test/cluster/, which
 * take longest, say least about what is wrong, and share the one bridge of the machine.
 */
export function tiersOf(root: string, cores: number): Tier[] {
  const found = globSync('*/**/*.test.ts', {
    cwd: root,
    exclude: (path) => path.split('/').includes('node_modules'),
  }).sort();
  const tier = (name: string, concurrency: number): Tier => ({
    name,
    files: found.filter((file) => tierOf(file) === name).map((file) => join(root, file)),
    concurrency,
  });
  return [tier('unit', cores), tier('API', Math.min(2, cores)), tier('cluster', 1)];
}

function tierOf(file: string): string {
  if (file.startsWith('test/cluster/')) return 'cluster';
  return file.startsWith('test/') ? 'API' : 'unit';
}

/**
 * Runs tier after tier and yields their events as those of one run, with one set of counts at the end, in the words of
 * Node's own reporters.
 */
export async function* runTiers(tiers: readonly Tier[], cwd: string): AsyncGenerator<TestEvent> {
  const started = performance.now();
  const totals = { tests: 0, suites: 0, pass: 0, fail: 0, cancelled: 0, skipped: 0, todo: 0 };
  for (const { files, concurrency } of tiers) {
    if (files.length === 0) continue;
    const summarized = new Set<string>();
    for await (const event of run({ files: [...files], concurrency, cwd }) as AsyncIterable<TestEvent>) {
      if (isWholeRun(event)) continue;
      yield event;
      if (event.type === 'test:summary') {
        summarized.add(event.data.file!);
        const { tests, suites, passed, cancelled, skipped, todo } = event.data.counts;
        totals.tests += tests;
        totals.suites += suites;
        totals.pass += passed;
        totals.fail += tests - passed - cancelled - skipped - todo;
        totals.cancelled += cancelled;
        totals.skipped += skipped;
        totals.todo += todo;
      }
      // A file that ends before its tests do (a crash, a syntax error) has no summary: it counts as a test of its own.
      if (event.type === 'test:fail' && event.data.name === event.data.file && !summarized.has(event.data.name)) {
        totals.tests += 1;
        totals.fail += 1;
      }
    }
  }
  for (const [name, value] of Object.entries({ ...totals, duration_ms: performance.now() - started })) {
    yield { type: 'test:diagnostic', data: { nesting: 0, message: `${name} ${value}`, level: 'info' } };
  }
}

/** Node sums up each run by diagnostics and a summary that belong to no file. Here a run is only a part. */
function isWholeRun(event: TestEvent): boolean {
  return (
    (event.type === 'test:diagnostic' && event.data.nesting === 0 && event.data.file === undefined) ||
    (event.type === 'test:summary' && event.data.file === undefined)
  );
}
