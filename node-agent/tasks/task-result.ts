import type { InferenceTaskStatus } from '@isochrone/api';
import { ApiError, formatTime } from '@isochrone/kube';
import { TaskFailure, messageOf } from '../errors.ts';
import type { ModelReport } from '../admission/model-admission.ts';
import type { BatchResult } from '../batch/batch-run.ts';

/** How an attempt ended. */
export type TaskResult =
  | { readonly type: 'batch'; readonly batch: BatchResult }
  | { readonly type: 'admission'; readonly model: ModelReport }
  | { readonly type: 'failure'; readonly failure: TaskFailure };

const longestMessage = 1024;
const SQLITE_FULL = 13;

/** The terminal status of an attempt. */
export function terminalStatus(result: TaskResult, attempt: number, now: number): InferenceTaskStatus {
  const ended = { attempt, completionTime: formatTime(now) };
  switch (result.type) {
    case 'batch': {
      const { receipt, outputs } = result.batch;
      return {
        ...ended,
        phase: 'Succeeded',
        recordsDone: outputs.reduce((sum, { records }) => sum + records, 0),
        receipt: Buffer.from(receipt).toString('base64'),
        outputs: outputs.map(({ shardIndex, sha256, sizeBytes, records }) => ({
          shardIndex,
          sha256,
          sizeBytes,
          records,
        })),
      };
    }
    case 'admission':
      return { ...ended, phase: 'Succeeded', model: result.model };
    case 'failure': {
      const { failureClass, reason, message } = result.failure;
      return {
        ...ended,
        phase: 'Failed',
        failure: { class: failureClass, reason, message: message.slice(0, longestMessage) },
      };
    }
  }
}

/**
 * A result that the schema of the task's status has no room for would be written again for ever, and keep its device: it is a
 * failure. Names and ranks of tensors are the model's; of a batch only this program can be at fault.
 * @returns undefined for any other error
 */
export function refusedResult({ type }: TaskResult, error: unknown): TaskResult | undefined {
  if (!(error instanceof ApiError && error.isInvalid)) return undefined;
  const reason = type === 'admission' ? 'UnsupportedTensor' : 'AgentInternal';
  const message = `the API server refuses the result: ${error.message}`;
  return { type: 'failure', failure: new TaskFailure(reason, message, { cause: error }) };
}

/** What an unforeseen error means to the task: the provider's machine is full, or this program is wrong. */
export function failureOf(error: unknown): TaskFailure {
  if (error instanceof TaskFailure) return error;
  const { code, errcode } = (error ?? {}) as { code?: unknown; errcode?: unknown };
  // The journal lies on the same disk, and SQLite has its own word for it.
  const full = code === 'ENOSPC' || errcode === SQLITE_FULL;
  return new TaskFailure(full ? 'OutOfCapacity' : 'AgentInternal', messageOf(error), { cause: error });
}
