import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InferenceJob } from '@isochrone/api';
import type { AttemptRecord } from '@isochrone/ledger';
import { progressLine, type SeenTask } from './follow-job.ts';
import { checks, report, type Evidence } from './report.ts';

function paid(shardIndex: number, more: Partial<AttemptRecord> = {}): AttemptRecord {
  return {
    jobUID: 'j',
    attempt: 1,
    shardIndex,
    namespace: 'vision',
    provider: 'p',
    node: 'c/n',
    purpose: 'Work',
    verifies: undefined,
    records: 6,
    amount: 100n,
    state: 'Released',
    output: undefined,
    reason: undefined,
    charged: false,
    heldAt: 0,
    settledAt: 1,
    ...more,
  };
}
const reExecution = paid(0, { attempt: 2, purpose: 'Verification', verifies: 1, provider: 'q', node: 'd/m' });
const untimed: SeenTask = {
  name: 't',
  cluster: 'c',
  node: 'n',
  attempt: 1,
  device: 'CPU',
  isWork: true,
  shards: [0, 1],
  records: 12,
  phase: 'Succeeded',
};
const predicted = { predictedMilliseconds: 1500 };
const measured = { startTime: '2026-11-24T00:00:00Z', completionTime: '2026-11-24T00:00:02Z' };
const work: SeenTask = { ...untimed, ...predicted, ...measured };
const untimedCheck: SeenTask = { ...untimed, attempt: 2, isWork: false, cluster: 'd', node: 'm' };
const check: SeenTask = { ...untimedCheck, ...predicted, ...measured, completionTime: measured.startTime };
const candidate = { cluster: 'c', node: 'n', predictedMilliseconds: 1500 };

function job(status: InferenceJob['status']): InferenceJob {
  return { metadata: { name: 'j', namespace: 'vision' }, spec: {}, status } as InferenceJob;
}

const inputOf = (records: number) => ({
  etag: 'e',
  sizeBytes: 1,
  recordBytes: 4,
  fields: [{ name: 'x', dataType: 'FP32', shape: [1], offset: 0 }],
  records,
  dataOffset: 128,
});
const status = {
  input: inputOf(1),
  shards: { total: 2, complete: 2 },
  verification: { windows: 1, passed: 1, failed: 0, sampledRecords: 2 },
  cost: { total: '0.0003' },
  manifest: { uri: 'u', sha256: 's' },
};
const good: Evidence = {
  history: {
    job: job(status),
    tasks: [work, check],
    decisions: [{ time: 't', message: '1/1 nodes fit', candidates: [candidate] }],
  },
  reading: { lines: [{ read: 'a', truth: 'a' }], accuracy: 1 },
  attempts: [paid(0), paid(1), reExecution],
  books: true,
  trusted: new Set(['hub']),
  referenceNanosecondsPerRecord: 5e7,
};
const withJob = (more: object): Evidence => ({
  ...good,
  history: { ...good.history, job: job({ ...status, ...more }) },
});

const withHistory = (more: Partial<Evidence['history']>): Evidence => ({
  ...good,
  history: { ...good.history, ...more },
});

const bad: [string, Evidence][] = [
  ['% of the characters', { ...good, reading: { ...good.reading, accuracy: 0.94 } }],
  ['delivered', withJob({ shards: { total: 2, complete: 1 } })],
  ['paid exactly once', { ...good, attempts: [paid(0), paid(0), reExecution] }],
  ['every record', { ...good, reading: { ...good.reading, lines: [] } }],
  ['every record', withJob({ input: inputOf(2) })],
  ['stands', withJob({ verification: { windows: 2, passed: 1, failed: 1 } })],
  ['stands', withJob({ verification: { windows: 9, passed: 1, failed: 0, inconclusive: 8 } })],
  ['stands', withJob({ verification: { windows: 0, passed: 0, failed: 0 } })],
  ['re-executed', { ...good, attempts: [paid(0), paid(1)] }],
  ['re-executed', { ...good, attempts: [paid(0), paid(1, { attempt: 3 }), reExecution] }],
  ['re-executed', { ...good, attempts: [paid(0), paid(1), { ...reExecution, state: 'Refunded' }] }],
  ['tell why', withHistory({ decisions: [] })],
  ['tell why', withHistory({ decisions: [{ time: 't', message: 'none', candidates: [] }] })],
  ['predicted and measured', withHistory({ tasks: [] })],
  ['predicted and measured', withHistory({ tasks: [work, { ...untimedCheck, ...predicted }] })],
  ['predicted and measured', withHistory({ tasks: [{ ...untimed, ...measured }, check] })],
  ['another provider', { ...good, attempts: [paid(0), paid(1), { ...reExecution, provider: 'p' }] }],
  ['no ordinary work', { ...good, history: { ...good.history, tasks: [{ ...work, cluster: 'hub' }] } }],
  ['the bill', withJob({ cost: { total: '0.0004' } })],
  ['books add up', { ...good, books: 'posting 3 does not sum to zero' }],
];

test('everything holds, and the report says so', () => {
  assert.deepEqual(
    checks(good).filter(({ holds }) => !holds),
    [],
  );
  const text = report(good);
  assert.doesNotMatch(text, /FAIL/);
  assert.match(text, /work +c\/n +12 +1\.5 s +2 s/);
  assert.match(text, /re-execution +d\/m +12 +1\.5 s +< 1 s/);
  assert.match(text, /c\/n \(attempt 1\) by d\/m of q/);
  assert.match(text, /p +0\.0002\n +q +0\.0001/);
});

for (const [what, evidence] of bad) {
  test(`does not hold: ${what}`, () => {
    const failed = checks(evidence)
      .filter(({ holds }) => !holds)
      .map((check) => check.what);
    assert.ok(
      failed.some((text) => text.includes(what)),
      failed.join('; '),
    );
    assert.match(report(evidence), /FAIL/);
  });
}

test('the line of progress has a mark for every shard', () => {
  const running: SeenTask = { ...work, phase: 'Running' };
  const line = progressLine(job({ shards: { total: 6, complete: 2, verifying: 1, running: 2 } }), [running]);
  assert.equal(line, '##?>>. 2/6 verified and paid, 1 under verification, 2 running, busy: c');
  assert.equal(progressLine(job({ phase: 'Pending', message: 'm' }), []), 'Pending: m');
});
