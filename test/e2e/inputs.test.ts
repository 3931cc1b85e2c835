import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import type { InferenceJob } from '@isochrone/api';
import { mixedModel } from '@isochrone/node-agent/testing/models';
import {
  createTensor,
  decodeBytesElements,
  encodeBytesElements,
  encodeNpyRecordsHeader,
  layoutOf,
  parseNpyRecords,
  readRecords,
  writeRecords,
} from '@isochrone/tensor';
import { member } from '../harness/members.ts';
import { assertPaidOnce } from '../harness/settled.ts';
import { BUCKET, withFederation, type ModelFile } from '../harness/test-federation.ts';

const world = await withFederation({
  members: [member('hub', '0.30'), member('alpha', '0.20'), member('beta', '0.24')],
});
await world.deposit('10.00');
await world.createModel('mixed', digested(mixedModel()));

const RECORDS = 40;
const texts = Array.from({ length: RECORDS }, (_, index) => 'é'.repeat(index % 5) + String(index));

describe('a model with several inputs and outputs, strings and halves among them', () => {
  test('runs over a structured array, is verified and paid', { timeout: 120_000 }, async () => {
    const layout = layoutOf([
      { name: 'values', dataType: 'FP16', shape: [1] },
      { name: 'text', dataType: 'BYTES', shape: [], stringType: '<U6' },
      { name: 'mask', dataType: 'BOOL', shape: [3] },
    ]);
    const rows = writeRecords(layout, [
      createTensor('FP16', [RECORDS, 1], new Uint8Array(Uint16Array.from(texts, () => 0x3c00).buffer)),
      createTensor('BYTES', [RECORDS], encodeBytesElements(texts.map((text) => Buffer.from(text)))),
      createTensor(
        'BOOL',
        [RECORDS, 3],
        Uint8Array.from({ length: 3 * RECORDS }, (_, index) => index % 2),
      ),
    ]);
    await world.put('records.npy', Buffer.concat([encodeNpyRecordsHeader(layout, RECORDS), rows]));
    await world.createJob('structured', {
      modelRef: { name: 'mixed' },
      input: { uri: `s3://${BUCKET}/records.npy` },
      verification: { minSamplePercent: 20 },
    });
    const job = await world.completed('structured');
    const echoed: string[] = [];
    const doubled: number[] = [];
    for (const { header, tensors } of await shardsOf(job)) {
      assert.deepEqual(
        header.fields.map(({ name }) => name),
        ['not', 'echo', 'twice'],
      );
      echoed.push(...decodeBytesElements(tensors[1]!).map((text) => Buffer.from(text).toString('utf8')));
      doubled.push(...new Uint16Array(Uint8Array.from(tensors[2]!.data).buffer));
    }
    assert.deepEqual(echoed, texts);
    assert.deepEqual(
      doubled,
      texts.map(() => 0x4000),
    );
    await assertPaidOnce(world, job);
    const { passed = 0, sampledRecords = 0 } = job.status?.verification ?? {};
    assert.ok(passed >= 1 && sampledRecords >= 2, JSON.stringify(job.status?.verification));
  });
});

async function shardsOf(job: InferenceJob) {
  const manifest = Buffer.from(await world.get(job.status!.manifest!.uri!)).toString('utf8');
  const { shards } = JSON.parse(manifest) as { shards: { path: string }[] };
  return Promise.all(
    shards.map(async ({ path }) => {
      const object = await world.get(`${job.spec.output.uri}${path}`);
      const header = parseNpyRecords(object);
      return { header, tensors: readRecords(header, object.subarray(header.dataOffset), header.records) };
    }),
  );
}

function digested(bytes: Uint8Array): ModelFile {
  return { bytes, sha256: createHash('sha256').update(bytes).digest('hex') };
}
