import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import {
  createTensor,
  decodeBytesElements,
  describeLayout,
  encodeBytesElements,
  encodeNpyHeader,
  encodeNpyRecordsHeader,
  layoutOf,
  writeRecords,
  type Tensor,
} from '@isochrone/tensor';
import {
  NO_PREVIOUS_RECEIPT,
  merkleProof,
  merkleRoot,
  nodeKeyDigest,
  signReceipt,
  receiptDigest,
  receiptToJSON,
  type Digest,
  type Receipt,
} from '@isochrone/verification';
import { makeTask } from '../job/testing/observe.ts';
import { checkDelivered } from './check-delivered.ts';
import { readDelivered } from './delivered-object.ts';
import { checkReceipt } from './receipt-check.ts';
import { startObjectServer, type ObjectServer } from './testing/object-server.ts';
import { expectedLeaf, namedTensors, windowRows, type Window } from './window.ts';

const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const floats = (...values: number[]): Buffer => Buffer.from(Float32Array.from(values).buffer);
const npy = (shape: number[], data: Buffer): Buffer => Buffer.concat([encodeNpyHeader('FP32', shape), data]);

let server: ObjectServer;
before(async () => {
  server = await startObjectServer();
});
after(() => server[Symbol.asyncDispose]());

const shards = [
  { index: 2, firstRecord: 4, records: 2 },
  { index: 3, firstRecord: 6, records: 3 },
];
const inputLayout = layoutOf([{ name: 'x', dataType: 'FP32', shape: [2] }]);
const outputLayout = layoutOf([{ name: 'y', dataType: 'FP32', shape: [2] }]);
const inputs = Array.from({ length: 10 }, (_, record) => floats(record, record + 0.5));
const outputs = Array.from({ length: 10 }, (_, record) => floats(record * 2, -record));
const spec = makeTask(7, undefined, {
  shards,
  input: {
    etag: '',
    dataOffset: encodeNpyHeader('FP32', [10, 2]).byteLength,
    ...describeLayout(inputLayout),
  },
}).spec;

interface World {
  readonly window: Window;
  readonly leaves: readonly Digest[];
  readonly object: (shard: number) => string;
}

/** A window as an honest node delivers it. `committed` is what it signed for each record. */
async function deliver(
  name: string,
  committed: readonly Buffer[] = outputs,
  form: Partial<Window['forms'][number]> = {},
): Promise<World> {
  const { client } = server;
  const object = (shard: number): string => `/data/${name}/${shard}.npy`;
  const { etag } = await client.put({ bucket: 'data', key: 'input.npy' }, npy([10, 2], Buffer.concat(inputs)));
  const signed = shards.map(({ index, firstRecord, records }) => {
    const bytes = npy([records, 2], Buffer.concat(outputs.slice(firstRecord, firstRecord + records)));
    server.objects.set(object(index), bytes);
    return { shardIndex: index, records, sha256: createHash('sha256').update(bytes).digest(), bytes: bytes.byteLength };
  });
  const receipt: Receipt = {
    version: 1,
    nodeKey: nodeKeyDigest(publicKey),
    sequence: 0,
    previousReceiptDigest: NO_PREVIOUS_RECEIPT,
    jobUID: spec.workUID,
    attempt: 7,
    modelDigest: Buffer.from(spec.model.sha256, 'hex'),
    numericProfile: 'FP32Strict',
    runtimeClass: 'cpu',
    leafCount: 5,
    root: NO_PREVIOUS_RECEIPT,
    outputs: signed,
  };
  const window: Window = {
    spec: { ...spec, input: { ...spec.input!, etag } },
    receipt,
    nodeKey: publicKey,
    input: {
      client,
      location: { bucket: 'data', key: 'input.npy' },
      etag,
      dataOffset: spec.input!.dataOffset,
      rowBytes: 8,
    },
    inputLayout,
    forms: [{ name: 'y', dataType: 'FP32', recordShape: [-1] }],
    outputs: { client, location: (shard) => ({ bucket: 'data', key: `${name}/${shard}.npy` }) },
  };
  const leaves = windowRows(spec).map((row) =>
    expectedLeaf(window, row, inputs[row.record]!, committed[row.record]!, outputLayout),
  );
  return {
    window: { ...window, receipt: { ...receipt, root: merkleRoot(leaves) }, forms: [{ ...window.forms[0]!, ...form }] },
    leaves,
    object,
  };
}

const openingsOf = (leaves: readonly Digest[], indices: readonly number[]) =>
  indices.map((index) => ({ index, proof: Buffer.concat(merkleProof(leaves, index)).toString('base64') }));

describe('checkDelivered', () => {
  test('what an honest node delivers passes, by openings and as a whole', async () => {
    const { window, leaves } = await deliver('honest');
    const delivered = await checkDelivered(window, [1, 4], openingsOf(leaves, [1, 4]));
    assert.deepEqual([...delivered.keys()], [2, 3]);
    await checkDelivered(window, 'All', []);
  });

  const mismatch = { name: 'DeliveredMismatch' };

  test('a row other than the committed one is found where it is looked at', async () => {
    const { window, leaves } = await deliver('other-row', outputs.with(8, floats(1, 1)));
    await checkDelivered(window, [0, 1], openingsOf(leaves, [0, 1]));
    await assert.rejects(checkDelivered(window, [4], openingsOf(leaves, [4])), { ...mismatch, message: /row 4/ });
    await assert.rejects(checkDelivered(window, 'All', []), { ...mismatch, message: /signed root/ });
  });

  test('an opening that is missing, of another row or garbled proves nothing', async () => {
    const { window, leaves } = await deliver('openings');
    const [other] = openingsOf(leaves, [2]);
    for (const openings of [
      [],
      [{ ...other!, index: 1 }],
      [{ index: 1, proof: '????' }],
      [{ index: 1, proof: 'AAAA' }],
    ]) {
      await assert.rejects(checkDelivered(window, [1], openings), mismatch);
    }
  });

  test('an object that is not the signed one', async () => {
    const { window, object } = await deliver('objects');
    const good = server.objects.get(object(3))!;
    const flipped = Buffer.from(good);
    flipped[good.byteLength - 1]! ^= 1;
    for (const bytes of [
      flipped,
      Buffer.concat([good, Buffer.alloc(1)]),
      good.subarray(0, -4),
      Buffer.from('no array'),
      Buffer.alloc(0),
    ]) {
      server.objects.set(object(3), bytes);
      await assert.rejects(checkDelivered(window, 'All', []), mismatch, `${bytes.byteLength} bytes`);
    }
    server.objects.delete(object(3));
    await assert.rejects(checkDelivered(window, 'All', []), { code: 'STORAGE_NOT_FOUND' });
  });

  test('signed records of another type or shape than the model tells prove nothing; other bytes than the signed ones do', async () => {
    for (const form of [{ dataType: 'FP64' }, { recordShape: [3] }, { recordShape: [2, 1] }, { recordShape: [] }]) {
      const { window, object } = await deliver('form', outputs, form);
      await assert.rejects(checkDelivered(window, 'All', []), { name: 'OutputOffForm' }, JSON.stringify(form));
      server.objects.get(object(2))![130]! ^= 1;
      await assert.rejects(checkDelivered(window, 'All', []), mismatch, JSON.stringify(form));
    }
  });

  test('a row that the node made larger than the hub would hold is not held', async () => {
    const columns = 4 * 2 ** 20 + 1;
    const bytes = npy([2, columns], Buffer.alloc(2 * columns * 4));
    await server.client.put({ bucket: 'data', key: 'wide.npy' }, bytes);
    const signed = { sha256: createHash('sha256').update(bytes).digest(), bytes: bytes.byteLength, records: 2 };
    const at = { bucket: 'data', key: 'wide.npy' };
    const rows: number[] = [];
    const read = (recordShape: number[]) =>
      readDelivered(
        server.client,
        at,
        signed,
        [{ name: 'y', dataType: 'FP32', recordShape }],
        (_, index) => void rows.push(index),
      );
    await assert.rejects(read([-1]), { name: 'OutputOffForm', message: /fix the axes/ });
    assert.deepEqual(rows, []);
    await read([columns]);
    assert.deepEqual(rows, [0, 1], 'what an administrator approved is read');
  });

  test('an object larger than its records can be is not even fetched', async () => {
    const signed = { sha256: Buffer.alloc(32), bytes: 2 ** 40, records: 2 };
    for (const recordShape of [[2], [-1]]) {
      const read = readDelivered(
        server.client,
        { bucket: 'data', key: 'nowhere.npy' },
        signed,
        [{ name: 'y', dataType: 'FP32', recordShape }],
        () => undefined,
      );
      await assert.rejects(read, { name: 'OutputOffForm', message: /1099511627776 bytes/ });
    }
  });

  test('rows of several outputs and of strings are told apart by the names and types of the model', async () => {
    const layout = layoutOf([
      { name: 'y', dataType: 'FP32', shape: [] },
      { name: 'text', dataType: 'BYTES', shape: [], stringType: '<U2' },
    ]);
    const rows = writeRecords(layout, [
      createTensor('FP32', [2], floats(1, 2)),
      createTensor('BYTES', [2], encodeBytesElements([Buffer.from('né'), Buffer.from('')])),
    ]);
    const bytes = Buffer.concat([encodeNpyRecordsHeader(layout, 2), rows]);
    const at = { bucket: 'data', key: 'several.npy' };
    await server.client.put(at, bytes);
    const signed = { sha256: createHash('sha256').update(bytes).digest(), bytes: bytes.byteLength, records: 2 };
    const y = { name: 'y', dataType: 'FP32', recordShape: [] };
    const text = { name: 'text', dataType: 'BYTES', recordShape: [] };
    const texts: string[] = [];
    const read = (...forms: Window['forms'][number][]) =>
      readDelivered(server.client, at, signed, forms, (row, _index, header) => {
        const [, { tensor }] = namedTensors(header, row) as [unknown, { tensor: Tensor }];
        texts.push(...decodeBytesElements(tensor).map((element) => Buffer.from(element).toString()));
      });
    await read(y, text);
    assert.deepEqual(texts, ['né', '']);
    for (const [forms, message] of [
      [[y], /has the fields y, text, the model gives one array/],
      [[text, y], /the model gives the fields text, y/],
      [[y, { ...text, dataType: 'INT32' }], /output text, is of BYTES, the model gives INT32/],
      [[y, { ...text, recordShape: [2] }], /output text, has records of shape \[\], the model gives \[2\]/],
    ] as const)
      await assert.rejects(read(...forms), { name: 'OutputOffForm', message });
  });

  test('an input that changed or is gone is not held against the node', async () => {
    const { window } = await deliver('changed');
    const changed = { ...window.input, etag: '"other"' };
    const gone = { ...window.input, location: { bucket: 'data', key: 'nowhere.npy' } };
    for (const input of [changed, gone])
      await assert.rejects(checkDelivered({ ...window, input }, 'All', []), { name: 'WindowInputLost' });
  });
});

describe('checkReceipt', () => {
  const handIn = (receipt: Receipt, key = privateKey): string =>
    Buffer.from(JSON.stringify(receiptToJSON(signReceipt(receipt, key)))).toString('base64');

  test('accepts what the pinned key signed about this attempt, and nothing else', async () => {
    const { window } = await deliver('receipt');
    const { receipt } = window;
    const check = (text: string) =>
      checkReceipt({ ...makeTask(7), spec, status: { phase: 'Succeeded', attempt: 7, receipt: text } }, publicKey);
    const accepted = check(handIn(receipt));
    assert.ok('receipt' in accepted);
    assert.deepEqual(receiptDigest(accepted.receipt), receiptDigest(receipt));
    const stranger = generateKeyPairSync('ed25519');
    const wrong: [name: string, text: string, message: RegExp][] = [
      ['nothing', '', /JSON/],
      ['no JSON', 'AAAA', /JSON/],
      [
        'another key',
        handIn({ ...receipt, nodeKey: nodeKeyDigest(stranger.publicKey) }, stranger.privateKey),
        /pinned/,
      ],
      ['a forged signature', handIn(receipt, stranger.privateKey), /signature/],
      ['another job', handIn({ ...receipt, jobUID: 'other' }), /jobUID/],
      ['another attempt', handIn({ ...receipt, attempt: 6 }), /attempt/],
      ['another model', handIn({ ...receipt, modelDigest: NO_PREVIOUS_RECEIPT }), /modelDigest/],
      ['another profile', handIn({ ...receipt, numericProfile: 'FP32' }), /numericProfile/],
      ['fewer leaves', handIn({ ...receipt, leafCount: 4 }), /leafCount/],
      ['a shard less', handIn({ ...receipt, outputs: receipt.outputs.slice(1) }), /outputs/],
    ];
    for (const [name, text, message] of wrong) {
      const checked = check(text);
      assert.ok('reason' in checked, name);
      assert.match(checked.message, message, name);
    }
  });
});
