import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createTensor, type DataType } from '@isochrone/tensor';
import { createHashChain, verifyKey, verifyKeyFrom } from './hash-chain.ts';
import { encodeLeaf, leafHash, type Leaf } from './leaf.ts';
import { merkleProof, merkleRoot, verifyMerkleProof } from './merkle.ts';
import { parseReceipt, receiptToJSON } from './receipt-json.ts';
import { encodeReceipt, receiptDigest, verifyReceipt } from './receipt.ts';
import { sampleIndices, sampleSeed } from './sampling.ts';
import { recordDigest, tensorDigest } from './tensor-digest.ts';

/** The vectors come from proto/vectors/generate.py, which shares no code with this package. */
function vectors<T>(name: string): T[] {
  const found = JSON.parse(readFileSync(join(import.meta.dirname, '../proto/vectors', `${name}.json`), 'utf8')) as T[];
  assert.ok(found.length > 0);
  return found;
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const fromHex = (text: string) => Buffer.from(text, 'hex');

interface TensorVector {
  name: string;
  dtype: DataType;
  shape: number[];
  data: string;
  digest: string;
}

const tensorOf = ({ dtype, shape, data }: TensorVector) => createTensor(dtype, shape, Buffer.from(data, 'base64'));

test('tensor digests', () => {
  const tensors = vectors<TensorVector>('tensor-digest');
  for (const vector of tensors) assert.equal(hex(tensorDigest(tensorOf(vector))), vector.digest, vector.name);
  assert.equal(new Set(tensors.map(({ digest }) => digest)).size, tensors.length, 'no two tensors share a digest');
});

test('record digests', () => {
  for (const { tensors, digest } of vectors<{ tensors: TensorVector[]; digest: string }>('record-digest')) {
    const record = tensors.map((vector) => ({ name: vector.name, tensor: tensorOf(vector) }));
    assert.equal(hex(recordDigest(record)), digest);
    assert.equal(hex(recordDigest(record.toReversed())), digest, 'the order given does not matter');
  }
});

test('leaves', () => {
  type LeafVector = { [Field in keyof Leaf]: Leaf[Field] extends Uint8Array ? string : Leaf[Field] };
  for (const { leaf, encoding, hash } of vectors<{ leaf: LeafVector; encoding: string; hash: string }>('leaf')) {
    const { nodeKey, inputDigest, modelDigest, outputDigest } = leaf;
    const digests = { nodeKey, inputDigest, modelDigest, outputDigest };
    const decoded = Object.fromEntries(Object.entries(digests).map(([field, text]) => [field, fromHex(text)]));
    const actual = { ...leaf, ...decoded } as unknown as Leaf;
    assert.equal(hex(encodeLeaf(actual)), encoding);
    assert.equal(hex(leafHash(actual)), hash);
  }
});

test('trees', () => {
  for (const tree of vectors<{ leaves: string[]; root: string; proofs: string[][] }>('merkle')) {
    const leaves = tree.leaves.map(fromHex);
    assert.equal(hex(merkleRoot(leaves)), tree.root);
    for (const [index, proof] of tree.proofs.entries()) {
      assert.deepEqual(merkleProof(leaves, index).map(hex), proof);
      const claim = {
        root: fromHex(tree.root),
        leaf: leaves[index]!,
        index,
        leafCount: leaves.length,
        proof: proof.map(fromHex),
      };
      assert.ok(verifyMerkleProof(claim));
    }
  }
});

test('receipts', () => {
  interface ReceiptVector {
    publicKey: string;
    receipt: unknown;
    statement: string;
    digest: string;
    signature: string;
  }
  for (const { publicKey, receipt, statement, digest, signature } of vectors<ReceiptVector>('receipt')) {
    const signed = parseReceipt({ receipt, signature });
    assert.equal(hex(encodeReceipt(signed.receipt)), statement);
    assert.equal(hex(receiptDigest(signed.receipt)), digest);
    assert.deepEqual(receiptToJSON(signed), { receipt, signature });
    verifyReceipt(signed, createPublicKey({ key: Buffer.from(publicKey, 'base64'), format: 'der', type: 'spki' }));
  }
});

test('hash chains', () => {
  for (const { seed, keys } of vectors<{ seed: string; keys: string[] }>('hash-chain')) {
    const [head, ...rest] = keys.map(fromHex);
    const chain = createHashChain(fromHex(seed), rest.length);
    assert.equal(hex(chain.head), keys[0]);
    for (const [index, key] of rest.entries()) {
      assert.equal(hex(chain.key(index + 1)), hex(key));
      assert.ok(verifyKey(head!, index + 1, key));
      assert.ok(!verifyKey(head!, index + 2, key), 'not the key of another epoch');
      assert.ok(index === 0 || verifyKeyFrom(index, rest[index - 1]!, index + 1, key));
    }
    for (const epoch of [0, rest.length + 1, 0.5]) assert.throws(() => chain.key(epoch), { code: 'HASH_CHAIN_EPOCH' });
  }
});

test('samples', () => {
  interface SampleVector {
    key: string;
    root: string;
    nodeKey: string;
    sequence: number;
    leafCount: number;
    size: number;
    seed: string;
    indices: number[];
  }
  for (const { key, root, nodeKey, sequence, leafCount, size, seed, indices } of vectors<SampleVector>('sample')) {
    const input = { key: fromHex(key), root: fromHex(root), nodeKey: fromHex(nodeKey), sequence, leafCount };
    assert.equal(hex(sampleSeed(input)), seed);
    assert.deepEqual(sampleIndices(input, size), indices);
  }
});
