export { DIGEST_BYTES } from './canonical-encoder.ts';
export type { Digest } from './canonical-encoder.ts';
export { compareRecords, compareTensors } from './compare.ts';
export type { ComparisonReason, Outcome, RecordComparison, TensorComparison, ToleranceOf } from './compare.ts';
export { VerificationError, verificationErrors } from './errors.ts';
export type { VerificationErrorCode } from './errors.ts';
export { createHashChain, verifyKey, verifyKeyFrom } from './hash-chain.ts';
export type { HashChain } from './hash-chain.ts';
export { encodeLeaf, leafHash } from './leaf.ts';
export type { Leaf } from './leaf.ts';
export { merkleProof, merkleProofs, merkleRoot, verifyMerkleProof } from './merkle.ts';
export type { MerkleClaim } from './merkle.ts';
export {
  NO_PREVIOUS_RECEIPT,
  RECEIPT_VERSION,
  assertReceiptFollows,
  encodeReceipt,
  nodeKeyDigest,
  receiptDigest,
  signReceipt,
  verifyReceipt,
} from './receipt.ts';
export type { Receipt, ReceiptOutput, SignedReceipt } from './receipt.ts';
export { parseReceipt, receiptToJSON } from './receipt-json.ts';
export type { SignedReceiptJSON } from './receipt-json.ts';
export { sampleIndices, sampleSeed, sampleSize } from './sampling.ts';
export type { SampleInput, VerificationMode } from './sampling.ts';
export { recordDigest, tensorDigest } from './tensor-digest.ts';
export type { NamedTensor } from './tensor-digest.ts';
export { defaultTolerance, modelTolerance, numericProfiles } from './tolerance.ts';
export type { ClassRelation, ComparedModel, NumericProfile, Tolerance } from './tolerance.ts';
export { decideVerdict } from './verdict.ts';
export type { Verdict, VerdictInput, VerdictReason } from './verdict.ts';
