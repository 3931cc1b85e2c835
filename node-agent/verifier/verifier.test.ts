import assert from 'node:assert/strict';
import { createHash, createPublicKey, randomUUID, type KeyObject } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { credentials, type ServiceError } from '@grpc/grpc-js';
import { loadProtos } from '@isochrone/api';
import type { CommitRequest } from '@isochrone/api/proto/isochrone/v1alpha1/CommitRequest';
import type { WindowHeader } from '@isochrone/api/proto/isochrone/v1alpha1/WindowHeader';
import {
  createTensor,
  encodeBytesElements,
  encodeNpy,
  encodeNpyRecordsHeader,
  layoutOf,
  tensorOf,
  writeRecords,
} from '@isochrone/tensor';
import {
  assertReceiptFollows,
  leafHash,
  merkleRoot,
  nodeKeyDigest,
  parseReceipt,
  recordDigest,
  verifyMerkleProof,
  verifyReceipt,
  type SignedReceipt,
} from '@isochrone/verification';
import { AgentError, TaskFailure } from '../errors.ts';
import { startSidecar } from '../testing/sidecar.ts';
import type { VerifierClient } from './verifier-client.ts';

const forever = new AbortController().signal;

function header(overrides: Partial<WindowHeader> = {}): WindowHeader {
  return {
    workUid: randomUUID(),
    attempt: 1,
    modelSha256: 'ab'.repeat(32),
    numericProfile: 'FP32Strict',
    runtimeClass: 'cpu/amd64/ort-1.30.0',
    inputs: [{ name: 'x', dataType: 'FP32', shape: [2] }],
    outputs: [{ name: 'y', dataType: 'INT64', shape: [] }],
    shards: [
      { index: 3, firstRecord: 10, records: 2 },
      { index: 5, firstRecord: 40, records: 1 },
    ],
    ...overrides,
  };
}

const inputs = [0, 1, 2].map((record) => new Uint8Array(Float32Array.of(record, record + 0.5).buffer));
const outputs = [7n, -1n, 9n].map((value) => new Uint8Array(BigInt64Array.of(value).buffer));

async function commit(client: VerifierClient, window: WindowHeader, count = 3): Promise<Uint8Array> {
  const commitment = client.commit(window, forever);
  for (let record = 0; record < count; record += 1)
    await commitment.record([inputs[record % 3]!], [outputs[record % 3]!]);
  return commitment.receipt();
}

function read(receipt: Uint8Array): SignedReceipt {
  return parseReceipt(JSON.parse(Buffer.from(receipt).toString('utf8')));
}

async function keyOf(client: VerifierClient): Promise<KeyObject> {
  const x = Buffer.from(await client.identity(5_000)).toString('base64url');
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
}

describe('verifier sidecar', () => {
  test('signs the digests of what it saw: leaves, and the objects as they are delivered', async () => {
    await using sidecar = await startSidecar();
    const { client } = sidecar;
    const window = header();
    const signed = read(await commit(client, window));
    const key = await keyOf(client);
    verifyReceipt(signed, key);
    const { receipt } = signed;
    const shards = [3, 3, 5];
    const records = [10, 11, 40];
    const leaves = inputs.map((input, index) =>
      leafHash({
        jobUID: window.workUid!,
        shardIndex: shards[index]!,
        attempt: 1,
        record: records[index]!,
        nodeKey: nodeKeyDigest(key),
        inputDigest: recordDigest([{ name: 'x', tensor: { dtype: 'FP32', shape: [2], data: input } }]),
        modelDigest: Buffer.alloc(32, 0xab),
        numericProfile: 'FP32Strict',
        outputDigest: recordDigest([{ name: 'y', tensor: { dtype: 'INT64', shape: [], data: outputs[index]! } }]),
      }),
    );
    assert.deepEqual(Buffer.from(receipt.root), Buffer.from(merkleRoot(leaves)));
    const object = encodeNpy(tensorOf('INT64', [2], BigInt64Array.of(7n, -1n)));
    assert.deepEqual(
      receipt.outputs.map(({ shardIndex, records: count, bytes }) => [shardIndex, count, bytes]),
      [
        [3, 2, object.byteLength],
        [5, 1, object.byteLength - 8],
      ],
    );
    assert.equal(
      Buffer.from(receipt.outputs[0]!.sha256).toString('hex'),
      createHash('sha256').update(object).digest('hex'),
    );

    const openings = await client.open(window.workUid!, 1, [0, 2], 5_000);
    for (const { index, proof } of openings) {
      const siblings = Array.from({ length: proof.byteLength / 32 }, (_, at) => proof.subarray(at * 32, at * 32 + 32));
      assert.ok(verifyMerkleProof({ root: receipt.root, leaf: leaves[index]!, index, leafCount: 3, proof: siblings }));
    }
    const metrics = await sidecar.registry.metrics();
    for (const line of ['receipts_signed_total 1', 'records_total 3', 'openings_total 2'])
      assert.match(metrics, new RegExp(`isochrone_verifier_${line}`));
  });

  test('signs objects of several outputs and of strings as they are delivered', async () => {
    await using sidecar = await startSidecar();
    const texts = ['né', ''];
    const window = header({
      outputs: [
        { name: 'y', dataType: 'INT64', shape: [] },
        { name: 'text', dataType: 'BYTES', shape: [] },
      ],
      shards: [{ index: 0, firstRecord: 0, records: 2, stringLengths: [2] }],
    });
    const commitment = sidecar.client.commit(window, forever);
    for (const [record, text] of texts.entries())
      await commitment.record([inputs[record]!], [outputs[record]!, encodeBytesElements([Buffer.from(text)])]);
    const { receipt } = read(await commitment.receipt());
    const layout = layoutOf([
      { name: 'y', dataType: 'INT64', shape: [] },
      { name: 'text', dataType: 'BYTES', shape: [], stringType: '<U2' },
    ]);
    const rows = writeRecords(layout, [
      tensorOf('INT64', [2], BigInt64Array.of(7n, -1n)),
      createTensor('BYTES', [2], encodeBytesElements(texts.map((text) => Buffer.from(text)))),
    ]);
    const object = Buffer.concat([encodeNpyRecordsHeader(layout, 2), rows]);
    assert.deepEqual(
      receipt.outputs.map(({ sha256, bytes }) => [Buffer.from(sha256).toString('hex'), bytes]),
      [[createHash('sha256').update(object).digest('hex'), object.byteLength]],
    );
  });

  test('chains its receipts, over a restart too, and keeps its key', async () => {
    const windows = [header(), header(), header()];
    const first = await startSidecar();
    const key = await first.client.identity(5_000);
    const receipts = [read(await commit(first.client, windows[0]!)), read(await commit(first.client, windows[1]!))];
    await first[Symbol.asyncDispose]();
    await using second = await startSidecar(first.directory);
    assert.deepEqual(await second.client.identity(5_000), key);
    receipts.push(read(await commit(second.client, windows[2]!)));
    receipts.forEach(({ receipt }, index) => assertReceiptFollows(receipts[index - 1]?.receipt, receipt));
  });

  test('signs an attempt once: whatever comes later gets the first receipt, at once', async () => {
    const first = await startSidecar();
    const window = header();
    const receipt = await commit(first.client, window);
    assert.deepEqual(await commit(first.client, window, 0), receipt);
    assert.deepEqual(await commit(first.client, { ...window, modelSha256: 'cd'.repeat(32) }), receipt);
    await first[Symbol.asyncDispose]();
    await using second = await startSidecar(first.directory);
    assert.deepEqual(await commit(second.client, window, 0), receipt);
    // Two at the same time are one, too.
    const other = header();
    const [left, right] = await Promise.all([commit(second.client, other), commit(second.client, other)]);
    assert.deepEqual(left, right);
    assert.equal(read(await commit(second.client, { ...window, attempt: 2 })).receipt.sequence, 2);
  });

  test('a stream that breaks off is not signed', async () => {
    await using sidecar = await startSidecar();
    const window = header();
    const abandoned = sidecar.client.commit(window, forever);
    for (let record = 0; record < 3; record += 1) await abandoned.record([inputs[record]!], [outputs[record]!]);
    abandoned[Symbol.dispose]();
    await assert.rejects(abandoned.receipt(), TaskFailure);
    // The next window is the first of the chain, and another content of the attempt is still free.
    assert.equal(read(await commit(sidecar.client, header())).receipt.sequence, 0);
    assert.equal(read(await commit(sidecar.client, window)).receipt.sequence, 1);
  });

  const record: CommitRequest = { record: { inputs: [Buffer.from(inputs[0]!)], outputs: [Buffer.from(outputs[0]!)] } };
  const one = { shards: [{ index: 0, firstRecord: 0, records: 1 }] };
  const hostile: readonly (readonly [string, readonly CommitRequest[], RegExp])[] = [
    ['nothing', [], /WINDOW_INVALID: the stream ended before the header/],
    ['an empty message', [{}], /WINDOW_INVALID: a message holds neither/],
    ['a record before the header', [record], /WINDOW_INVALID: a record came before the header/],
    ['two headers', [{ header: header() }, { header: header() }], /WINDOW_INVALID: a second header/],
    ['too few records', [{ header: header() }, record], /WINDOW_INCOMPLETE: the stream ended after 1 of 3/],
    ['a record too many', [{ header: header(one) }, record, record], /WINDOW_INVALID: a record follows the last of 1/],
    [
      'an input too short',
      [{ header: header() }, { record: { inputs: [Buffer.alloc(7)], outputs: [Buffer.from(outputs[0]!)] } }],
      /RECORD_INVALID: record 10 of shard 3: FP32 .*needs 8 bytes, got 7/,
    ],
    [
      'an output too long',
      [{ header: header() }, { record: { inputs: [Buffer.from(inputs[0]!)], outputs: [Buffer.alloc(9)] } }],
      /RECORD_INVALID/,
    ],
    [
      'a BOOL that is neither',
      [
        { header: header({ ...one, outputs: [{ name: 'y', dataType: 'BOOL', shape: [] }] }) },
        { record: { inputs: [Buffer.from(inputs[0]!)], outputs: [Buffer.of(2)] } },
      ],
      /RECORD_INVALID.*use 0 or 1/,
    ],
    [
      'a work that is no UID',
      [{ header: header({ workUid: '../../x' }) }],
      /WINDOW_INVALID: header.work_uid is "..\/..\/x"/,
    ],
    ['attempt 0', [{ header: header({ attempt: 0 }) }], /header.attempt is 0/],
    ['a digest that is none', [{ header: header({ modelSha256: 'AB' }) }], /header.model_sha256/],
    ['no profile', [{ header: header({ numericProfile: '' }) }], /header.numeric_profile/],
    ['a class without end', [{ header: header({ runtimeClass: 'x'.repeat(257) }) }], /header.runtime_class/],
    ['no input', [{ header: header({ inputs: [] }) }], /header.inputs is 0; expected 1 to 64 tensors/],
    [
      'a tensor without a name',
      [{ header: header({ outputs: [{ name: '', dataType: 'FP32', shape: [] }] }) }],
      /header.outputs.name/,
    ],
    [
      'a data type that is none',
      [{ header: header({ inputs: [{ name: 'x', dataType: 'FP8', shape: [] }] }) }],
      /header.inputs: datatype "FP8" is unknown/,
    ],
    [
      'strings whose width is not told',
      [{ header: header({ outputs: [{ name: 'y', dataType: 'BYTES', shape: [] }] }) }],
      /header.shards.string_lengths is \[\]; expected a length from 1 to 33554432 for each of 1 BYTES outputs/,
    ],
    [
      'a string wider than it was told',
      [
        {
          header: header({
            outputs: [{ name: 'y', dataType: 'BYTES', shape: [] }],
            shards: [{ ...one.shards[0]!, stringLengths: [1] }],
          }),
        },
        { record: { inputs: [Buffer.from(inputs[0]!)], outputs: [Buffer.from([2, 0, 0, 0, 97, 98])] } },
      ],
      /RECORD_INVALID.*2 characters, 1 fit/,
    ],
    [
      'a tensor too few',
      [{ header: header(one) }, { record: { inputs: [], outputs: [Buffer.from(outputs[0]!)] } }],
      /RECORD_INVALID.*inputs has 0 tensors, the header has 1/,
    ],
    [
      'two tensors of one name',
      [{ header: header({ inputs: [header().inputs![0]!, header().inputs![0]!] }) }],
      /header.inputs.name is "x,x"/,
    ],
    [
      'BF16 as output',
      [{ header: header({ outputs: [{ name: 'y', dataType: 'BF16', shape: [] }] }) }],
      /no dtype for BF16/,
    ],
    [
      'a negative dimension',
      [{ header: header({ inputs: [{ name: 'x', dataType: 'FP32', shape: [-1] }] }) }],
      /header.inputs: shape\[0\] is -1/,
    ],
    [
      'more elements than numbers count',
      [{ header: header({ inputs: [{ name: 'x', dataType: 'FP32', shape: [2 ** 31, 2 ** 31] }] }) }],
      /header.input/,
    ],
    ['no shard', [{ header: header({ shards: [] }) }], /header.shards is 0/],
    [
      'a shard twice',
      [{ header: header({ shards: [one.shards[0]!, one.shards[0]!] }) }],
      /header.shards.index is 0; expected ascending/,
    ],
    [
      'a shard of nothing',
      [{ header: header({ shards: [{ index: 0, firstRecord: 0, records: 0 }] }) }],
      /header.shards.records is 0/,
    ],
    [
      'a negative record',
      [{ header: header({ shards: [{ index: 0, firstRecord: -5, records: 1 }] }) }],
      /header.shards.first_record is -5/,
    ],
    [
      'records without end',
      [{ header: header({ shards: [{ index: 0, firstRecord: 0, records: 2_000_000_000 }] }) }],
      /header.records is 2000000000/,
    ],
  ];

  test('refuses what a hostile agent may send, by name, and signs nothing of it', async (context) => {
    await using sidecar = await startSidecar();
    const { Verifier } = loadProtos().isochrone.v1alpha1;
    const raw = new Verifier(`unix:${sidecar.socket}`, credentials.createInsecure());
    for (const [name, messages, expected] of hostile) {
      await context.test(name, async () => {
        const error = await new Promise<ServiceError | null>((resolve) => {
          const call = raw.commit((failure) => resolve(failure));
          call.on('error', () => undefined);
          for (const message of messages) call.write(message);
          call.end();
        });
        assert.match(error?.details ?? 'no error', expected);
      });
    }
    raw.close();
    for (const [work, attempt, indices, expected] of [
      [randomUUID(), 1, [0], /WINDOW_UNKNOWN/],
      ['not a work', 1, [0], /WINDOW_UNKNOWN/],
      [randomUUID(), 1, [], /INDEX_INVALID: indices has 0 entries/],
      [randomUUID(), 1, Array.from({ length: 1025 }, () => 0), /INDEX_INVALID/],
    ] as const) {
      await assert.rejects(sidecar.client.open(work, attempt, indices, 5_000), expected);
    }
    const window = header();
    assert.equal(read(await commit(sidecar.client, window)).receipt.sequence, 0);
    await assert.rejects(
      sidecar.client.open(window.workUid!, 1, [3], 5_000),
      /INDEX_INVALID: index 3 lies outside the window's 3 leaves/,
    );
    await assert.rejects(sidecar.client.open(window.workUid!, 1, [-1], 5_000), /INDEX_INVALID/);
    assert.match(await sidecar.registry.metrics(), /isochrone_verifier_refusals_total\{code="WINDOW_INVALID"\} \d\d/);
  });

  test('only its own user can reach the key and the socket', async () => {
    await using sidecar = await startSidecar();
    const mode = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8);
    assert.equal(await mode(sidecar.socket), '600');
    assert.equal(await mode(join(sidecar.directory, 'state', 'node.key')), '600');
    assert.equal(await mode(join(sidecar.directory, 'state')), '700');
  });

  test('a second one on the same state is refused', async () => {
    await using sidecar = await startSidecar();
    await assert.rejects(
      startSidecar(sidecar.directory),
      (error: unknown) => error instanceof AgentError && error.code === 'STATE_DIRECTORY_LOCKED',
    );
    await commit(sidecar.client, header());
  });

  test('a key that is damaged is not replaced by another', async () => {
    const first = await startSidecar();
    await first[Symbol.asyncDispose]();
    const path = join(first.directory, 'state', 'node.key');
    await writeFile(path, 'damaged');
    await assert.rejects(
      startSidecar(first.directory),
      (error: unknown) => error instanceof AgentError && error.code === 'STATE_INVALID',
    );
    assert.equal(await readFile(path, 'utf8'), 'damaged');
  });
});
