import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { sha256 } from './canonical-encoder.ts';
import { VerificationError } from './errors.ts';
import { parseReceipt, receiptToJSON } from './receipt-json.ts';
import {
  NO_PREVIOUS_RECEIPT,
  assertReceiptFollows,
  nodeKeyDigest,
  receiptDigest,
  signReceipt,
  verifyReceipt,
  type Receipt,
} from './receipt.ts';

const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const digest = (label: string) => sha256(Buffer.from(label));

const base: Receipt = {
  version: 1,
  nodeKey: nodeKeyDigest(publicKey),
  sequence: 0,
  previousReceiptDigest: NO_PREVIOUS_RECEIPT,
  jobUID: 'job',
  attempt: 1,
  modelDigest: digest('model'),
  numericProfile: 'fp32-strict',
  runtimeClass: 'cpu/x86_64/ort-1.30.0',
  leafCount: 10,
  root: digest('root'),
  outputs: [
    { shardIndex: 0, records: 6, sha256: digest('0'), bytes: 100 },
    { shardIndex: 2, records: 4, sha256: digest('2'), bytes: 90 },
  ],
};

describe('signature', () => {
  test('verifies under the pinned key, after a trip through JSON', () => {
    const signed = signReceipt(base, privateKey);
    verifyReceipt(signed, publicKey);
    const read = parseReceipt(JSON.parse(JSON.stringify(receiptToJSON(signed))));
    verifyReceipt(read, publicKey);
    assert.deepEqual(receiptDigest(read.receipt), receiptDigest(base));
  });

  const changes: Partial<Receipt>[] = [
    { sequence: 1 },
    { previousReceiptDigest: digest('x') },
    { jobUID: 'other' },
    { attempt: 2 },
    { modelDigest: digest('x') },
    { numericProfile: 'fp16' },
    { runtimeClass: 'cuda' },
    { leafCount: 11 },
    { root: digest('x') },
    { outputs: base.outputs.slice(1) },
    { outputs: [{ ...base.outputs[0]!, sha256: digest('x') }, base.outputs[1]!] },
    { outputs: [{ ...base.outputs[0]!, bytes: 101 }, base.outputs[1]!] },
  ];
  for (const change of changes) {
    test(`covers ${Object.keys(change).join()}`, () => {
      const { signature } = signReceipt(base, privateKey);
      assert.throws(() => verifyReceipt({ receipt: { ...base, ...change }, signature }, publicKey), {
        code: 'RECEIPT_SIGNATURE',
      });
    });
  }

  test('another key is refused, whoever signed', () => {
    const other = generateKeyPairSync('ed25519');
    assert.throws(() => verifyReceipt(signReceipt(base, privateKey), other.publicKey), {
      code: 'RECEIPT_KEY_MISMATCH',
    });
    assert.throws(() => verifyReceipt(signReceipt(base, other.privateKey), publicKey), { code: 'RECEIPT_SIGNATURE' });
    assert.throws(() => nodeKeyDigest(generateKeyPairSync('x25519').publicKey), { code: 'FIELD_INVALID' });
    assert.throws(() => nodeKeyDigest(privateKey), { code: 'FIELD_INVALID' });
  });
});

describe('chain', () => {
  const next = { ...base, sequence: 1, previousReceiptDigest: receiptDigest(base) };

  test('accepts the first and the next', () => {
    assertReceiptFollows(undefined, base);
    assertReceiptFollows(base, next);
  });

  const breaks: readonly [string, Receipt | undefined, Receipt, RegExp][] = [
    ['a first that is not 0', undefined, next, /sequence is 1; the node's next is 0/],
    ['a first with a previous', undefined, { ...base, previousReceiptDigest: digest('x') }, /previousReceiptDigest/],
    ['a repeat', base, base, /next is 1/],
    ['a gap', base, { ...next, sequence: 2 }, /sequence is 2/],
    ['another history', { ...base, attempt: 9 }, next, /previousReceiptDigest/],
    ['another node', { ...base, nodeKey: digest('x') }, next, /nodeKey/],
  ];
  for (const [name, previous, receipt, message] of breaks) {
    test(`refuses ${name}`, () =>
      assert.throws(() => assertReceiptFollows(previous, receipt), { code: 'RECEIPT_CHAIN', message }));
  }
});

describe('parseReceipt', () => {
  const good = receiptToJSON(signReceipt(base, privateKey)) as { receipt: Record<string, unknown>; signature: string };
  const withField = (field: string, value: unknown) => ({ ...good, receipt: { ...good.receipt, [field]: value } });
  const base64 = good.receipt['root'] as string;
  const output = (good.receipt['outputs'] as Record<string, unknown>[])[0]!;

  const malformed: readonly [string, unknown, RegExp][] = [
    ['null', null, /the receipt is null/],
    ['a list', [], /the receipt is a list/],
    ['no receipt', { signature: good.signature }, /receipt is missing/],
    ['an unknown field', { ...good, extra: 1 }, /extra is not a field/],
    ['an unknown inner field', withField('bonus', 1), /receipt\.bonus is not a field/],
    ['a __proto__ field', JSON.parse(`{"__proto__": {}, "signature": "", "receipt": {}}`), /__proto__ is not a field/],
    ['a short signature', { ...good, signature: base64 }, /signature .* 64 bytes/],
    ['a digest in base64url', withField('root', base64.replace(/[+/=]/g, '-')), /receipt\.root/],
    ['a digest without padding', withField('root', base64.replace('=', '')), /receipt\.root/],
    ['a digest with spaces', withField('root', ` ${base64}`), /receipt\.root/],
    ['a long digest', withField('root', 'A'.repeat(100_000)), /receipt\.root/],
    ['a digest that is a number', withField('root', 5), /receipt\.root is 5/],
    ['a negative attempt', withField('attempt', -1), /receipt\.attempt is -1/],
    ['a fractional sequence', withField('sequence', 0.5), /receipt\.sequence is 0\.5/],
    ['a sequence in text', withField('sequence', '1'), /receipt\.sequence is "1"/],
    ['a sequence past 2^53', withField('sequence', 2 ** 53), /receipt\.sequence/],
    ['no leaves', withField('leafCount', 0), /leafCount is 0/],
    ['an empty job', withField('jobUID', ''), /receipt\.jobUID/],
    ['a long profile', withField('numericProfile', 'x'.repeat(257)), /receipt\.numericProfile/],
    ['a lone surrogate', withField('runtimeClass', '\ud800'), /receipt\.runtimeClass/],
    ['outputs as an object', withField('outputs', { length: 1 }), /receipt\.outputs is an object/],
    ['too many outputs', withField('outputs', new Array(10_001).fill(output)), /at most 10000/],
    ['a hole in outputs', withField('outputs', new Array(1)), /receipt\.outputs\[0\]/],
    ['a shard twice', withField('outputs', [output, output]), /each once/],
    [
      'an output without bytes',
      withField('outputs', [{ ...output, bytes: undefined }]),
      /outputs\[0\]\.bytes is undefined/,
    ],
  ];
  for (const [name, json, message] of malformed) {
    test(`refuses ${name}`, () => assert.throws(() => parseReceipt(json), { code: 'RECEIPT_MALFORMED', message }));
  }

  test('names another version', () => {
    assert.throws(() => parseReceipt(withField('version', 2)), {
      code: 'RECEIPT_VERSION',
      message: /is 2; this program knows 1/,
    });
  });

  test('refuses anything else by name', () => {
    const mutated = fc
      .tuple(fc.constantFrom(...Object.keys(good.receipt)), fc.anything())
      .map(([field, value]) => withField(field, value));
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.jsonValue(), mutated), (json) => {
        try {
          parseReceipt(json);
        } catch (error) {
          assert.ok(error instanceof VerificationError, String(error));
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
