import { CanonicalEncoder, sha256, type Digest } from './canonical-encoder.ts';

/** What a node commits to for one record. */
export interface Leaf {
  readonly jobUID: string;
  readonly shardIndex: number;
  readonly attempt: number;
  /** Index of the record in the job's whole input. */
  readonly record: number;
  /** {@link nodeKeyDigest} of the node that did the work. */
  readonly nodeKey: Digest;
  /** recordDigest of the inputs. */
  readonly inputDigest: Digest;
  /** SHA-256 of the model's bytes. */
  readonly modelDigest: Digest;
  readonly numericProfile: string;
  /** recordDigest of the outputs. */
  readonly outputDigest: Digest;
}

/** Canonical bytes of a leaf (proto/digest.md §4). @throws VerificationError FIELD_INVALID */
export function encodeLeaf(leaf: Leaf): Uint8Array {
  return new CanonicalEncoder()
    .tag('isochrone/leaf/v1')
    .string('jobUID', leaf.jobUID)
    .u32('shardIndex', leaf.shardIndex)
    .u32('attempt', leaf.attempt)
    .u64('record', leaf.record)
    .digest('nodeKey', leaf.nodeKey)
    .digest('inputDigest', leaf.inputDigest)
    .digest('modelDigest', leaf.modelDigest)
    .string('numericProfile', leaf.numericProfile)
    .digest('outputDigest', leaf.outputDigest)
    .bytes();
}

/** H(0x00 ‖ leaf): the 0x00 keeps a leaf from being read as an inner node (RFC 6962 §2.1). @throws VerificationError FIELD_INVALID */
export function leafHash(leaf: Leaf): Digest {
  return sha256(Uint8Array.of(0), encodeLeaf(leaf));
}
