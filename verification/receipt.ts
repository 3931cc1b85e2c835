import { createHash, sign, verify, type KeyObject } from 'node:crypto';
import { CanonicalEncoder, DIGEST_BYTES, sha256, type Digest } from './canonical-encoder.ts';
import { VerificationError } from './errors.ts';

/** One shard's output as it was delivered. */
export interface ReceiptOutput {
  readonly shardIndex: number;
  readonly records: number;
  /** SHA-256 of the delivered object. */
  readonly sha256: Digest;
  readonly bytes: number;
}

/** What a node signs for one commitment window. */
export interface Receipt {
  readonly version: 1;
  /** {@link nodeKeyDigest} of the signing key. */
  readonly nodeKey: Digest;
  /** Number of the window: 0 for the node's first, then one more each time. */
  readonly sequence: number;
  /** {@link receiptDigest} of the node's receipt before; {@link NO_PREVIOUS_RECEIPT} for its first. */
  readonly previousReceiptDigest: Digest;
  readonly jobUID: string;
  readonly attempt: number;
  /** SHA-256 of the model's bytes. */
  readonly modelDigest: Digest;
  readonly numericProfile: string;
  /** Execution provider, architecture and onnxruntime, e.g. `cpu/x86_64/ort-1.30.0`. */
  readonly runtimeClass: string;
  /** Leaves under the root, at least one. Signed, because a Merkle proof only fixes an index within a known count. */
  readonly leafCount: number;
  readonly root: Digest;
  /** In ascending order of shardIndex, each once. Empty for online work, where the gateway keeps the digests. */
  readonly outputs: readonly ReceiptOutput[];
}

export interface SignedReceipt {
  readonly receipt: Receipt;
  /** Ed25519 over {@link encodeReceipt}. */
  readonly signature: Uint8Array;
}

export const RECEIPT_VERSION = 1;

export const NO_PREVIOUS_RECEIPT: Digest = new Uint8Array(DIGEST_BYTES);

/** SHA-256 of the key's SubjectPublicKeyInfo (DER): the name of a node in leaves and receipts. @throws VerificationError FIELD_INVALID unless the key is Ed25519 */
export function nodeKeyDigest(publicKey: KeyObject): Digest {
  if (publicKey.type !== 'public' || publicKey.asymmetricKeyType !== 'ed25519') {
    const kind = publicKey.asymmetricKeyType ?? 'no asymmetric';
    throw new VerificationError(
      'FIELD_INVALID',
      `the node's key is a ${publicKey.type} ${kind} key; pin an Ed25519 public key`,
    );
  }
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest();
}

/** The bytes that are signed (proto/digest.md §6). @throws VerificationError FIELD_INVALID */
export function encodeReceipt(receipt: Receipt): Uint8Array {
  if (receipt.leafCount < 1) {
    throw new VerificationError('FIELD_INVALID', `leafCount is ${receipt.leafCount}; a window has at least one record`);
  }
  const encoder = new CanonicalEncoder()
    .tag('isochrone/receipt/v1')
    .u32('version', receipt.version)
    .digest('nodeKey', receipt.nodeKey)
    .u64('sequence', receipt.sequence)
    .digest('previousReceiptDigest', receipt.previousReceiptDigest)
    .string('jobUID', receipt.jobUID)
    .u32('attempt', receipt.attempt)
    .digest('modelDigest', receipt.modelDigest)
    .string('numericProfile', receipt.numericProfile)
    .string('runtimeClass', receipt.runtimeClass)
    .u64('leafCount', receipt.leafCount)
    .digest('root', receipt.root)
    .u32('outputs', receipt.outputs.length);
  let last = -1;
  for (const output of receipt.outputs) {
    if (output.shardIndex <= last) {
      throw new VerificationError(
        'FIELD_INVALID',
        `outputs list shard ${output.shardIndex} after ${last}; sort them, each once`,
      );
    }
    last = output.shardIndex;
    encoder
      .u32('shardIndex', output.shardIndex)
      .u64('records', output.records)
      .digest('sha256', output.sha256)
      .u64('bytes', output.bytes);
  }
  return encoder.bytes();
}

/** What the node's next receipt names as previous. Without the signature, which its holder could vary. @throws VerificationError FIELD_INVALID */
export function receiptDigest(receipt: Receipt): Digest {
  return sha256(encodeReceipt(receipt));
}

/** @param privateKey Ed25519 @throws VerificationError FIELD_INVALID */
export function signReceipt(receipt: Receipt, privateKey: KeyObject): SignedReceipt {
  return { receipt, signature: sign(null, encodeReceipt(receipt), privateKey) };
}

/** Proves that the holder of the pinned key made this statement. @throws VerificationError RECEIPT_KEY_MISMATCH, RECEIPT_SIGNATURE, FIELD_INVALID */
export function verifyReceipt({ receipt, signature }: SignedReceipt, pinnedPublicKey: KeyObject): void {
  const pinned = nodeKeyDigest(pinnedPublicKey);
  if (Buffer.compare(pinned, receipt.nodeKey) !== 0) {
    throw new VerificationError(
      'RECEIPT_KEY_MISMATCH',
      `nodeKey is ${hex(receipt.nodeKey)}, the pinned key is ${hex(pinned)}`,
    );
  }
  if (!verify(null, encodeReceipt(receipt), pinnedPublicKey, signature)) {
    throw new VerificationError(
      'RECEIPT_SIGNATURE',
      `the signature of receipt ${receipt.sequence} of node ${hex(pinned)} does not verify`,
    );
  }
}

/** Checks the chain: the next window of the same node, naming the one before. @throws VerificationError RECEIPT_CHAIN */
export function assertReceiptFollows(previous: Receipt | undefined, next: Receipt): void {
  const sequence = previous ? previous.sequence + 1 : 0;
  const digest = previous ? receiptDigest(previous) : NO_PREVIOUS_RECEIPT;
  if (previous && Buffer.compare(previous.nodeKey, next.nodeKey) !== 0) {
    throw new VerificationError(
      'RECEIPT_CHAIN',
      `nodeKey is ${hex(next.nodeKey)}, the receipt before is of ${hex(previous.nodeKey)}`,
    );
  }
  if (next.sequence !== sequence) {
    throw new VerificationError('RECEIPT_CHAIN', `sequence is ${next.sequence}; the node's next is ${sequence}`);
  }
  if (Buffer.compare(next.previousReceiptDigest, digest) !== 0) {
    throw new VerificationError(
      'RECEIPT_CHAIN',
      `previousReceiptDigest is ${hex(next.previousReceiptDigest)}; the receipt before is ${hex(digest)}`,
    );
  }
}

function hex(digest: Uint8Array): string {
  return Buffer.from(digest).toString('hex');
}
