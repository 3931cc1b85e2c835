import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conditions, type InferenceJob, type InferenceJobStatus } from '@isochrone/api';
import { CliError } from '../errors.ts';
import { advise } from './advice.ts';
import { jobName } from './connection.ts';
import { parseManifest } from './manifest.ts';
import { whyText } from './why.ts';

const now = Date.parse('2026-11-24T00:01:00Z');

function condition(type: string, status: 'True' | 'False', reason: string, message = 'm') {
  return { type, status, reason, message, lastTransitionTime: '2026-11-24T00:00:00Z' };
}

function job(status?: InferenceJobStatus): InferenceJob {
  return { metadata: { name: 'j', namespace: 'ns' }, spec: {}, ...(status && { status }) } as InferenceJob;
}

test('a job that nobody looked at yet says so', () => {
  assert.match(whyText(job(), now, false), /the operator has not looked at it yet/);
});

test('a job without a node: rejects, and what to change, the most frequent first', () => {
  const text = whyText(
    job({
      phase: 'Pending',
      message: 'No node fits',
      conditions: [condition('Placed', 'False', 'NoNodeFits', '0/5 nodes fit')],
      scheduling: {
        time: '2026-11-24T00:00:50Z',
        message: '0/5 nodes fit: 3 AllowedCountries, 2 PriceCap',
        nodesEvaluated: 5,
        rejects: [
          { plugin: 'PriceCap', reason: 'asks 0.9', count: 2 },
          { plugin: 'AllowedCountries', reason: 'not in DE', count: 3 },
        ],
      },
    }),
    now,
    false,
  );
  assert.match(text, /^InferenceJob ns\/j: Pending\nNo node fits\n/);
  assert.match(text, /Placed +False +NoNodeFits +1m +0\/5 nodes fit/);
  assert.match(text, /Last decision 10s ago, 5 nodes looked at/);
  assert.match(text, / 2 +PriceCap +asks 0\.9/);
  assert.match(
    text,
    /What to change:\n {2}- 3 nodes .*allowedCountries.*\n {2}- 2 nodes .*maxPricePerThousandReferenceSeconds/,
  );
});

test('candidates with their scores only when wide', () => {
  const candidate = {
    node: 'n',
    cluster: 'c',
    predictedMilliseconds: 12,
    price: '0.01',
    scores: [{ plugin: 'Price', micros: 7 }],
  };
  const running = job({ phase: 'Running', progress: '1/2', scheduling: { message: 'ok', candidates: [candidate] } });
  assert.match(whyText(running, now, false), /Running, 1\/2 shards complete[^]*c\/n +12 ms +0\.01\n/);
  assert.doesNotMatch(whyText(running, now, false), /Price=7/);
  assert.match(whyText(running, now, true), /c\/n +12 ms +0\.01 +Price=7/);
});

test('every reason for which a job waits or fails has advice', () => {
  const { Admitted, Placed, Failed } = conditions.inferenceJob;
  const told = { Admitted: [Admitted, 'False'], Placed: [Placed, 'False'], Failed: [Failed, 'True'] } as const;
  const fine = new Set(['Admitted', 'Placed', 'Running', 'NoNodeFits', 'QuantityInvalid']);
  for (const [type, [reasons, status]] of Object.entries(told)) {
    for (const reason of reasons) {
      if (fine.has(reason)) continue;
      assert.notDeepEqual(advise(job({ conditions: [condition(type, status, reason)] })), [], `${type}: ${reason}`);
    }
  }
  assert.deepEqual(advise(job({ conditions: [condition('Admitted', 'True', 'Admitted')] })), []);
});

test('names of jobs', () => {
  for (const target of [
    'job/read-lines',
    'read-lines',
    'inferencejob/read-lines',
    'infj/read-lines',
    'inferencejobs.isochrone.dev/read-lines',
  ])
    assert.equal(jobName(target), 'read-lines');
  for (const bad of ['pod/x', 'job/', 'job/a/b', '', 'UPPER']) assert.throws(() => jobName(bad), CliError, bad);
});

test('a manifest with a hole, or of another form, is refused', () => {
  const shard = (index: number) => ({ index, path: `attempts/t/${index}.npy`, sha256: 'ab', sizeBytes: 1, records: 1 });
  assert.equal(parseManifest(JSON.stringify({ shards: [shard(0), shard(1)] }), 'u').shards.length, 2);
  for (const bad of ['{', 'null', '{}', '{"shards":[{"index":0}]}', JSON.stringify({ shards: [shard(0), shard(2)] })]) {
    assert.throws(
      () => parseManifest(bad, 'u'),
      (error) => error instanceof CliError && error.code === 'RESULTS_INVALID',
      bad,
    );
  }
});
