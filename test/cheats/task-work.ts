import { createHash, type KeyObject } from 'node:crypto';
import type { InferenceTask, StorageAccess } from '@isochrone/api';
import { createTensor, encodeNpy } from '@isochrone/tensor';
import {
  leafHash,
  merkleProof,
  merkleRoot,
  NO_PREVIOUS_RECEIPT,
  nodeKeyDigest,
  RECEIPT_VERSION,
  receiptDigest,
  receiptToJSON,
  recordDigest,
  signReceipt,
  type Digest,
  type Receipt,
} from '@isochrone/verification';
import { bytesOf, INPUT_WIDTH, OUTPUT_WIDTH } from '../e2e/models.ts';
import type { MemberNode } from './member-node.ts';
import type { Strategy } from './strategies.ts';

export interface Signer {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
  sequence: number;
  previous: Receipt | undefined;
}

type Shard = NonNullable<InferenceTask['spec']['shards']>[number];

interface Window {
  readonly leaves: Digest[];
  readonly delivered: { readonly shard: Shard; readonly npy: Uint8Array; readonly sha256: Buffer }[];
}

/** Leaves of what was signed, for the challenges. */
const windows = new Map<string, readonly Digest[]>();

/** Runs a task that is new, answers the challenge of one that is done. */
export async function runTask(
  node: MemberNode,
  signer: Signer,
  strategy: Strategy,
  task: InferenceTask,
): Promise<void> {
  const { spec, status = {}, metadata } = task;
  if (status.phase === 'Succeeded') {
    const leaves = windows.get(metadata.uid!);
    if (spec.challenge === undefined || status.openings !== undefined || leaves === undefined) return;
    const openings = spec.challenge.indices.map((index) => ({
      index,
      proof: Buffer.concat(merkleProof(leaves, index)).toString('base64'),
    }));
    await node.report(task, { openings });
    return;
  }
  if (status.phase === 'Failed' || spec.type !== 'Batch') return;
  await node.report(task, { phase: 'Running', attempt: spec.attempt });
  const access = await node.access(task);
  const { leaves, delivered } = await work(signer, strategy, task, access);
  for (const { shard, npy } of delivered) await upload(access, shard.index, npy);
  const outputs = delivered.map(({ shard, npy, sha256 }) => ({
    shardIndex: shard.index,
    records: shard.records,
    sha256,
    bytes: npy.byteLength,
  }));
  const receipt = sign(signer, task, leaves, outputs);
  windows.set(metadata.uid!, leaves);
  await node.report(task, {
    phase: 'Succeeded',
    attempt: spec.attempt,
    receipt,
    outputs: outputs.map(({ shardIndex, records, sha256, bytes }) => ({
      shardIndex,
      records,
      sha256: sha256.toString('hex'),
      sizeBytes: bytes,
    })),
  });
}

async function work(
  signer: Signer,
  strategy: Strategy,
  { spec }: InferenceTask,
  access: StorageAccess,
): Promise<Window> {
  const window: Window = { leaves: [], delivered: [] };
  for (const shard of spec.shards ?? []) {
    const inputs = await readRows(access, spec.input!, shard);
    const { committed, delivered } = strategy(inputs);
    for (let row = 0; row < shard.records; row++) {
      window.leaves.push(
        leafHash({
          jobUID: spec.workUID,
          shardIndex: shard.index,
          attempt: spec.attempt,
          record: shard.firstRecord + row,
          nodeKey: nodeKeyDigest(signer.publicKey),
          inputDigest: digestOfRow('x', inputs, row, INPUT_WIDTH),
          modelDigest: Buffer.from(spec.model.sha256, 'hex'),
          numericProfile: spec.model.numericProfile,
          outputDigest: digestOfRow('y', committed, row, OUTPUT_WIDTH),
        }),
      );
    }
    const npy = encodeNpy(createTensor('FP32', [shard.records, OUTPUT_WIDTH], bytesOf(delivered)));
    window.delivered.push({ shard, npy, sha256: createHash('sha256').update(npy).digest() });
  }
  return window;
}

async function readRows(
  { inputURL }: StorageAccess,
  input: NonNullable<InferenceTask['spec']['input']>,
  { firstRecord, records }: Shard,
): Promise<Float32Array> {
  const width = INPUT_WIDTH * Float32Array.BYTES_PER_ELEMENT;
  const start = input.dataOffset + firstRecord * width;
  const headers = { range: `bytes=${start}-${start + records * width - 1}`, 'if-match': input.etag };
  const response = await fetch(inputURL!, { headers });
  if (response.status !== 206) throw new Error(`GET of the input: ${response.status} ${await response.text()}`);
  return new Float32Array(await response.arrayBuffer());
}

async function upload({ outputs }: StorageAccess, shardIndex: number, npy: Uint8Array): Promise<void> {
  const target = outputs.find((output) => output.shardIndex === shardIndex)!;
  const response = await fetch(target.url, { method: 'PUT', headers: target.headers, body: Buffer.from(npy) });
  if (!response.ok) throw new Error(`PUT of shard ${shardIndex}: ${response.status} ${await response.text()}`);
}

function digestOfRow(name: string, values: Float32Array, row: number, width: number): Digest {
  const data = bytesOf(values.subarray(row * width, (row + 1) * width));
  return recordDigest([{ name, tensor: createTensor('FP32', [width], data) }]);
}

/** @returns the signed receipt as a status carries it */
function sign(signer: Signer, { spec }: InferenceTask, leaves: readonly Digest[], outputs: Receipt['outputs']): string {
  const receipt: Receipt = {
    version: RECEIPT_VERSION,
    nodeKey: nodeKeyDigest(signer.publicKey),
    sequence: signer.sequence,
    previousReceiptDigest: signer.previous === undefined ? NO_PREVIOUS_RECEIPT : receiptDigest(signer.previous),
    jobUID: spec.workUID,
    attempt: spec.attempt,
    modelDigest: Buffer.from(spec.model.sha256, 'hex'),
    numericProfile: spec.model.numericProfile,
    runtimeClass: 'cpu/x86_64/ort-1.30.0',
    leafCount: leaves.length,
    root: merkleRoot(leaves),
    outputs,
  };
  signer.sequence += 1;
  signer.previous = receipt;
  return Buffer.from(JSON.stringify(receiptToJSON(signReceipt(receipt, signer.privateKey)))).toString('base64');
}
