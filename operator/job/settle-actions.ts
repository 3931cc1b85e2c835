import { annotations, edgeNamespace, inferenceNodeResource } from '@isochrone/api';
import { ApiError, setCondition } from '@isochrone/kube';
import { LedgerError } from '@isochrone/ledger';
import { nodeKeyDigest, receiptDigest, type Receipt } from '@isochrone/verification';
import type { KeyObject } from 'node:crypto';
import { pinnedKey } from '../attempt/node-key.ts';
import { checkReceipt } from '../attempt/receipt-check.ts';
import type { Action } from './actions.ts';
import { withdraw } from './ask-scheduler.ts';
import type { JobMemory } from './job-memory.ts';
import type { JobShell } from './job-shell.ts';
import { sampleOf } from './sample.ts';

/** A receipt that passed, with the key it was checked by. */
export interface PinnedReceipt {
  readonly receipt: Receipt;
  readonly nodeKey: KeyObject;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Checks the receipt of an attempt and remembers it for good: a second one for the same window convicts the node. */
export async function acceptReceipt(shell: JobShell, attempt: number): Promise<PinnedReceipt | undefined> {
  const { deps, memory, metrics } = shell;
  const { cluster, node } = shell.attempt(attempt);
  const refuse = (reason: string, message: string, isFraud: boolean): undefined =>
    void memory.receipts.set(attempt, { ok: false, reason, message, isFraud });
  const pinned = deps.nodes.get(`${edgeNamespace(cluster)}/${node}`);
  const nodeKey = pinned === undefined ? undefined : pinnedKey(pinned.spec.publicKey);
  if (nodeKey === undefined) return refuse('NodeNotReady', `node ${cluster}/${node} has no pinned key any more`, false);
  const check = checkReceipt(shell.task(attempt)!, nodeKey);
  if (!('receipt' in check)) return refuse(check.reason, check.message, false);
  const { receipt } = check;
  try {
    const { sequence } = receipt;
    await deps.ledger.recordReceipt({
      token: deps.token,
      nodeKey: hex(nodeKeyDigest(nodeKey)),
      sequence,
      digest: hex(receiptDigest(receipt)),
    });
  } catch (error) {
    if (error instanceof LedgerError && error.code === 'EQUIVOCATION')
      return refuse('Equivocation', error.message, true);
    throw error;
  }
  const outputs = receipt.outputs.map(({ shardIndex, sha256, bytes }) => ({
    shardIndex,
    sha256: hex(sha256),
    sizeBytes: bytes,
  }));
  const task = shell.task(attempt)!;
  if (!memory.receipts.has(attempt) && task.spec.acknowledgedAttempt !== attempt) {
    const predicted = Number(task.metadata.annotations?.[annotations.predictedMilliseconds] ?? 0);
    metrics.delivered(deps.clock.now() - shell.attempt(attempt).heldAt, predicted);
  }
  memory.receipts.set(attempt, { ok: true, leafCount: receipt.leafCount, runtimeClass: receipt.runtimeClass, outputs });
  return { receipt, nodeKey };
}

/** Pays for an attempt. */
export async function release(
  shell: JobShell,
  { attempt, outputs }: Extract<Action, { type: 'Release' }>,
): Promise<void> {
  const { deps, memory, metrics } = shell;
  await deps.ledger.release({
    token: deps.token,
    jobUID: memory.uid,
    attempt,
    ...(outputs === undefined ? {} : { outputs }),
  });
  await shell.reload(attempt);
  metrics.settled(shell.attempt(attempt), sampleSize(shell, attempt));
  if (shell.attempt(attempt).purpose === 'Work') forgetWindow(memory, attempt);
}

/** Gives the pay of an attempt back; from then on it cannot be accepted. */
export async function refund(
  shell: JobShell,
  { attempt, reason, charged }: Extract<Action, { type: 'Refund' }>,
  signal: AbortSignal,
): Promise<void> {
  const { deps, memory, metrics } = shell;
  // No task will confirm what the scheduler assumes. Said before the refund: after it nobody would come back to it.
  if (shell.task(attempt) === undefined)
    await withdraw(shell, [{ workUID: shell.identity(attempt).workUID, attempt }], signal);
  await deps.ledger.refund({ token: deps.token, jobUID: memory.uid, attempt, reason, charged });
  await shell.reload(attempt);
  metrics.settled(shell.attempt(attempt), sampleSize(shell, attempt));
  forgetWindow(memory, attempt);
  memory.inputNow = memory.inputNow === 'Same' ? undefined : memory.inputNow;
}

function sampleSize(shell: JobShell, attempt: number): number {
  const { records } = shell.attempt(attempt);
  const sample = sampleOf(shell.job, records);
  return sample === 'All' ? records : sample;
}

/** A re-execution that is paid is still compared until the work is settled; then both are of no use. */
function forgetWindow(memory: JobMemory, attempt: number): void {
  memory.forgetAttempt(attempt);
  for (const round of memory.attempts ?? []) if (round.verifies === attempt) memory.forgetAttempt(round.attempt);
}

const quarantineTries = 5;

/** Takes trust from a node, for good until an administrator gives it back. */
export async function quarantine(
  shell: JobShell,
  { cluster, node, message }: Extract<Action, { type: 'Quarantine' }>,
): Promise<void> {
  const { deps } = shell;
  const ref = { namespace: edgeNamespace(cluster), name: node };
  for (let attempt = 1; ; attempt++) {
    const found = await deps.client.find(inferenceNodeResource, ref);
    if (found === undefined) return;
    const condition = {
      type: 'Trusted',
      status: 'False',
      reason: 'Quarantined',
      message: `job ${shell.key}: ${message}`.slice(0, 4096),
    } as const;
    const before = found.status?.conditions;
    if (before?.some(({ type, status }) => type === 'Trusted' && status === 'False') === true) return;
    const conditions = [...setCondition(before, condition, deps.clock.now())];
    const { resourceVersion } = found.metadata;
    try {
      await deps.client.mergePatch(
        inferenceNodeResource,
        ref,
        { metadata: { resourceVersion: resourceVersion! }, status: { conditions } },
        { subresource: 'status' },
      );
      shell.metrics.quarantines.inc({ cluster });
      return;
    } catch (error) {
      // The node controller writes the same list.
      if (!(error instanceof ApiError && error.isConflict) || attempt === quarantineTries) throw error;
    }
  }
}
