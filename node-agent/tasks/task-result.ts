import type { InferenceTaskStatus } from '@isochrone/api';
import { formatTime } from '@isochrone/kube';
import { TaskFailure, messageOf } from '../errors.ts';
import type { ModelReport } from '../admission/model-admission.ts';
import type { BatchResult } from '../batch/batch-run.ts';

/** How an attempt ended. */
export type TaskResult =
  | { readonly type: 'batch'; readonly batch: BatchResult }
  | { readonly type: 'admission'; readonly model: ModelReport }
  | { readonly type: 'failure'; readonly failure: TaskFailure };

const longestMessage = 1024;

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

/** What an unforeseen error means to the task: the provider's machine is full, or this program is wrong. */
export function failureOf(error: unknown): TaskFailure {
  if (error instanceof TaskFailure) return error;
  const full = (error as NodeJS.ErrnoException | undefined)?.code === 'ENOSPC';
  return new TaskFailure(full ? 'OutOfCapacity' : 'AgentInternal', messageOf(error), { cause: error });
}
