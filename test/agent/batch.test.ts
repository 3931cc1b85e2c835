import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { inferenceTaskResource } from '@isochrone/api';
import { doublingModel } from '@isochrone/node-agent/testing/models';
import { decodeNpy, tensorOf, typedView, type Tensor } from '@isochrone/tensor';
import { leafHash, nodeKeyDigest, recordDigest, verifyMerkleProof, verifyReceipt } from '@isochrone/verification';
import { eventually } from '@isochrone/test/harness';
import { agentWorld, outputKey, publicKeyOf, receiptOf } from './agent-world.ts';

const world = await agentWorld();
await world.startVerifier();
await world.startAgent();
await world.grant(600);
const node = await world.readyNode();

const rows = (count: number, width: number): Tensor =>
  tensorOf(
    'FP32',
    [count, width],
    Float32Array.from({ length: count * width }, (_, index) => index / 7),
  );

test('a task runs from input to delivered outputs and a receipt that stands', async () => {
  const input = rows(11, 3);
  await world.createTask({ name: 'double', model: doublingModel('FP32', ['n', 3]), input, shards: [6, 5] });
  const task = await world.ended('double');
  assert.equal(task.status?.phase, 'Succeeded', JSON.stringify(task.status?.failure));
  assert.equal(task.status.recordsDone, 11);

  const signed = receiptOf(task);
  verifyReceipt(signed, publicKeyOf(node));
  const { receipt } = signed;
  assert.equal(receipt.jobUID, task.spec.workUID);
  assert.equal(receipt.leafCount, 11);
  assert.match(receipt.runtimeClass, /^cpu\/(amd64|arm64)\/ort-1\.\d+\.\d+$/);

  const values: number[] = [];
  for (const { shardIndex, sha256, sizeBytes } of task.status.outputs!) {
    const object = await world.get(outputKey('double', shardIndex));
    assert.equal(object.byteLength, sizeBytes);
    assert.equal(createHash('sha256').update(object).digest('hex'), sha256);
    const output = receipt.outputs.find((listed) => listed.shardIndex === shardIndex)!;
    assert.equal(Buffer.from(output.sha256).toString('hex'), sha256);
    values.push(...(typedView(decodeNpy(object)) as Float32Array));
  }
  assert.deepEqual(
    values,
    Array.from(typedView(input) as Float32Array, (value) => value * 2),
  );

  // The challenge: leaf 7 is record 7, the second of shard 1.
  await world.client.mergePatch(
    inferenceTaskResource,
    { namespace: task.metadata.namespace!, name: 'double' },
    { spec: { challenge: { indices: [7] } } },
  );
  const opened = await eventually(async () => (await world.task('double')).status?.openings, {
    describe: 'the challenge is answered',
  });
  const proof = Buffer.from(opened[0]!.proof, 'base64');
  const record = (name: string, tensor: Float32Array): Uint8Array =>
    recordDigest([{ name, tensor: tensorOf('FP32', [3], tensor) }]);
  const leaf = leafHash({
    jobUID: task.spec.workUID,
    shardIndex: 1,
    attempt: 1,
    record: 7,
    nodeKey: nodeKeyDigest(publicKeyOf(node)),
    inputDigest: record('x', (typedView(input) as Float32Array).slice(21, 24)),
    modelDigest: Buffer.from(task.spec.model.sha256, 'hex'),
    numericProfile: 'FP32Strict',
    outputDigest: record('y', Float32Array.from(values.slice(21, 24))),
  });
  const siblings = Array.from({ length: proof.byteLength / 32 }, (_, index) =>
    proof.subarray(index * 32, index * 32 + 32),
  );
  assert.ok(verifyMerkleProof({ root: receipt.root, leaf, index: 7, leafCount: 11, proof: siblings }));
});
