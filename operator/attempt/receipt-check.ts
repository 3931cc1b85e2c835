import type { KeyObject } from 'node:crypto';
import type { InferenceTask } from '@isochrone/api';
import { VerificationError, parseReceipt, verifyReceipt, type Receipt } from '@isochrone/verification';

export type ReceiptCheck =
  { readonly receipt: Receipt } | { readonly reason: 'ReceiptInvalid'; readonly message: string };

/**
 * Checks what an edge handed in as receipt against what the hub bound: hostile input. Nothing of it is believed but what
 * the pinned key signed.
 */
export function checkReceipt(task: InferenceTask, pinned: KeyObject): ReceiptCheck {
  try {
    const signed = parseReceipt(JSON.parse(Buffer.from(task.status?.receipt ?? '', 'base64').toString('utf8')));
    verifyReceipt(signed, pinned);
    const wrong = mismatch(signed.receipt, task.spec);
    return wrong === undefined ? { receipt: signed.receipt } : invalid(wrong);
  } catch (error) {
    if (error instanceof VerificationError || error instanceof SyntaxError) return invalid(error.message);
    throw error;
  }
}

function mismatch(receipt: Receipt, spec: InferenceTask['spec']): string | undefined {
  const shards = (spec.shards ?? []).toSorted((a, b) => a.index - b.index);
  const records = shards.reduce((sum, shard) => sum + shard.records, 0);
  const expected: [what: string, signed: unknown, bound: unknown][] = [
    ['jobUID', receipt.jobUID, spec.workUID],
    ['attempt', receipt.attempt, spec.attempt],
    ['modelDigest', Buffer.from(receipt.modelDigest).toString('hex'), spec.model.sha256],
    ['numericProfile', receipt.numericProfile, spec.model.numericProfile],
    ['leafCount', receipt.leafCount, records],
    [
      'outputs',
      receipt.outputs.map((output) => `${output.shardIndex}:${output.records}`).join(),
      shards.map((shard) => `${shard.index}:${shard.records}`).join(),
    ],
  ];
  const odd = expected.find(([, signed, bound]) => signed !== bound);
  return odd === undefined ? undefined : `the receipt's ${odd[0]} is ${String(odd[1])}, the task has ${String(odd[2])}`;
}

function invalid(message: string): ReceiptCheck {
  return { reason: 'ReceiptInvalid', message: message.slice(0, 512) };
}
