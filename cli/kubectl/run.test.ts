import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeNpyHeader } from '@isochrone/tensor';
import { assertNpy, runJob, runName, runPrefix, type RunPlan } from './run.ts';

const plan: RunPlan = {
  ...{ name: 'run-ocr-1', namespace: 'vision', model: { name: 'ocr', version: '4' } },
  ...{ storage: 's3://vision/runs', secret: 'vision-s3', budget: '1.00' },
};

test('a run is named after its model, short enough for what the operator makes of it', () => {
  assert.equal(runName('ocr', 'abc'), 'run-ocr-abc');
  assert.equal(runName('ocr.v4', 'abc'), 'run-ocr-v4-abc');
  assert.equal(runName(`${'m'.repeat(39)}.${'n'.repeat(200)}`, 'abc'), `run-${'m'.repeat(39)}-abc`);
  assert.match(runName('ocr'), /^run-ocr-[0-9a-f]{6}$/);
  assert.notEqual(runName('ocr'), runName('ocr'));
});

test('everything of a run lies in a folder of its own', () => {
  const table: [storage: string, prefix: string][] = [
    ['s3://vision', 's3://vision/run-ocr-1/'],
    ['s3://vision/', 's3://vision/run-ocr-1/'],
    ['s3://vision/runs', 's3://vision/runs/run-ocr-1/'],
    ['s3://vision/runs/', 's3://vision/runs/run-ocr-1/'],
  ];
  for (const [storage, prefix] of table) assert.equal(runPrefix({ ...plan, storage }), prefix);
  assert.throws(() => runPrefix({ ...plan, storage: 'https://x/y' }), { code: 'STORAGE_ADDRESS_INVALID' });
});

test('the job has what was given, and leaves the rest to the defaults', () => {
  const credentialsSecretRef = { name: 'vision-s3' };
  assert.deepEqual(runJob(plan).spec, {
    modelRef: { name: 'ocr', version: '4' },
    input: { uri: 's3://vision/runs/run-ocr-1/input.npy', credentialsSecretRef },
    output: { uri: 's3://vision/runs/run-ocr-1/output/', credentialsSecretRef },
    budget: { total: '1.00' },
  });
  const { spec } = runJob({ ...plan, input: 's3://in/x.npy', recordsPerShard: 24, activeDeadlineSeconds: 60 });
  assert.deepEqual([spec.input.uri, spec.recordsPerShard, spec.activeDeadlineSeconds], ['s3://in/x.npy', 24, 60]);
  assert.deepEqual(spec.input.credentialsSecretRef, credentialsSecretRef);
  assert.deepEqual(runJob({ ...plan, input: 'https://files.example/x.npy' }).spec.input, {
    uri: 'https://files.example/x.npy',
  });
});

test('what is no array of records is refused before anything is uploaded', () => {
  const header = encodeNpyHeader('FP32', [2, 3]);
  const whole = Buffer.concat([header, Buffer.alloc(24)]);
  assert.doesNotThrow(() => assertNpy(whole, 'x.npy'));
  for (const bytes of [Buffer.from('text'), Buffer.alloc(0), header, whole.subarray(0, -1)])
    assert.throws(() => assertNpy(bytes, 'x.npy'), {
      code: 'USAGE',
      message: /^x\.npy is no \.npy file of records: .*; write it by numpy\.save$/,
    });
});
