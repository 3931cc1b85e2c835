import { mkdir } from 'node:fs/promises';
import type { InferenceTaskSpec, StorageAccess } from '@isochrone/api';
import { readRecords, rows as rowsOf, type Tensor } from '@isochrone/tensor';
import { parseReceipt } from '@isochrone/verification';
import { TaskFailure, messageOf } from '../errors.ts';
import type { AgentMetrics } from '../metrics.ts';
import type { ModelStore } from '../models/model-store.ts';
import type { RuntimeKey, RuntimeLease, RuntimePool } from '../runtime/runtime-pool.ts';
import type { StorageContext } from '../storage-request.ts';
import type { Commitment, VerifierClient } from '../verifier/verifier-client.ts';
import { readRanges } from './input-reader.ts';
import type { AttemptKey, AttemptState, ComputedOutputs, Journal } from './journal.ts';
import type { RecordFormat, WrittenOutput } from './output-file.ts';
import { ComputedSource, ReplayedSource, outputPath, type OutputSource } from './output-source.ts';
import { batchSizeOf, partsOf, recordsPerRead } from './plan.ts';
import { bindInput, nameInput, taskInput, type TaskInput } from './task-input.ts';
import { uploadOutput } from './upload.ts';

export interface BatchParts {
  readonly journal: Journal;
  readonly models: ModelStore;
  readonly pool: RuntimePool;
  readonly verifier: VerifierClient;
  readonly metrics: AgentMetrics;
}

/** One attempt of type Batch. */
export interface BatchAttempt {
  readonly spec: InferenceTaskSpec;
  readonly access: StorageAccess;
  readonly state: AttemptState;
  readonly runtime: RuntimeKey;
  /** Numeric class, for the receipt. */
  readonly runtimeClass: string;
  /** For the outputs, of this attempt alone. */
  readonly directory: string;
  readonly context: StorageContext;
  readonly onProgress: (recordsDone: number) => void;
  /** Told what a record took on the average, nanoseconds. */
  readonly onMeasured: (nanosecondsPerRecord: number) => void;
}

export interface BatchResult {
  /** JSON of the signed receipt. */
  readonly receipt: Uint8Array;
  readonly outputs: readonly WrittenOutput[];
}

const readTargetBytes = 8 * 1024 * 1024;
const uploadsAtOnce = 4;
const verifierRetryMilliseconds = 1_000;

/**
 * Runs the shards, has their rows signed, delivers them. Every step is in the journal before the next, so that after a crash
 * the same receipt goes with the same bytes.
 * @throws TaskFailure, or the reason of the context's signal
 */
export async function runBatch(attempt: BatchAttempt, parts: BatchParts): Promise<BatchResult> {
  const { spec, state } = attempt;
  const key: AttemptKey = { workUID: spec.workUID, attempt: spec.attempt };
  let { computed, receipt } = state;
  if (computed === undefined || receipt === undefined) {
    ({ computed, receipt } = await sign(attempt, parts, key));
    parts.journal.signed(key, receipt);
    parts.metrics.receipts.inc();
  }
  await deliver(attempt, parts, key, computed.outputs);
  return { receipt, outputs: computed.outputs };
}

/** Computes what is not computed yet and gets it signed; again from the files when the sidecar was away meanwhile. */
async function sign(
  attempt: BatchAttempt,
  parts: BatchParts,
  key: AttemptKey,
): Promise<{ computed: ComputedOutputs; receipt: Uint8Array }> {
  const { context, spec, access, directory } = attempt;
  const input = taskInput(spec, access);
  let { computed } = attempt.state;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  for (;;) {
    await using source: OutputSource =
      computed === undefined ? await computedSource(attempt, parts, input) : new ReplayedSource(computed, directory);
    using commitment = await pass(attempt, parts, input, source);
    if (computed === undefined) {
      computed = await source.finish();
      // Before anything is signed: what a receipt is about must not be computed a second time.
      parts.journal.computed(key, computed);
    }
    // How wide strings lie in the files is known only now: they are signed in a second walk.
    if (commitment === undefined) continue;
    try {
      const receipt = await commitment.receipt();
      assertReceiptIsOf(receipt, computed.outputs);
      return { computed, receipt };
    } catch (error) {
      context.signal.throwIfAborted();
      const again = error instanceof TaskFailure && error.reason === 'VerifierUnavailable';
      if (!again || context.clock.monotonic() + verifierRetryMilliseconds >= context.deadline) throw error;
      await context.clock.sleep(verifierRetryMilliseconds, context.signal);
    }
  }
}

async function computedSource(
  attempt: BatchAttempt,
  { models, pool, metrics }: BatchParts,
  input: TaskInput,
): Promise<OutputSource> {
  const { spec, access, context, runtime, directory, onMeasured } = attempt;
  const { sha256, sizeBytes, maxBatchSize } = spec.model;
  const model = await models.acquire({ sha256, sizeBytes, url: access.modelURL }, context);
  let lease: RuntimeLease | undefined;
  try {
    lease = await pool.acquire(runtime, model.path, context.deadline, context.signal);
    const bound = bindInput(input, lease.format);
    const batchSize = batchSizeOf(lease.format, maxBatchSize, input.layout.recordBytes);
    return new ComputedSource(lease, model, bound, directory, batchSize, {
      metrics,
      onMeasured,
    });
  } catch (error) {
    await lease?.[Symbol.asyncDispose]();
    model.release();
    throw error;
  }
}

/**
 * One walk over all records: input rows from storage, output rows from the source, both to the sidecar.
 * @returns undefined when the files' form is known only after this walk, which then commits nothing
 */
async function pass(
  attempt: BatchAttempt,
  { verifier }: BatchParts,
  told: TaskInput,
  source: OutputSource,
): Promise<Commitment | undefined> {
  const { context, onProgress } = attempt;
  const input = nameInput(told, source.inputName);
  const { recordBytes } = input.layout;
  const { batchSize } = source;
  const readSize = recordsPerRead(recordBytes, batchSize, readTargetBytes);
  const isCommitted = input.shards.every(({ index }) => source.stringLengths(index) !== undefined);
  let commitment: Commitment | undefined;
  let done = 0;
  try {
    for (const shard of input.shards) {
      for await (const { range, rows } of readRanges(input.object, partsOf(shard, readSize), context)) {
        for (const part of partsOf(range, batchSize)) {
          context.signal.throwIfAborted();
          const start = (part.firstRecord - range.firstRecord) * recordBytes;
          const inputRows = rows.subarray(start, start + part.records * recordBytes);
          const { outputs, formats } = await source.next(shard, inputRows, part.records);
          if (isCommitted) {
            commitment ??= verifier.commit(windowHeader(attempt, input, source, formats), context.signal);
            await commitRows(commitment, readRecords(input.layout, inputRows, part.records), outputs, part.records);
          }
          done += part.records;
          onProgress(done);
        }
      }
    }
  } catch (error) {
    commitment?.[Symbol.dispose]();
    throw error;
  }
  if (done === 0) throw new TaskFailure('InputRejected', 'the task has no record');
  return commitment;
}

async function commitRows(
  commitment: Commitment,
  inputs: readonly Tensor[],
  outputs: readonly Tensor[],
  count: number,
): Promise<void> {
  const [inputRows, outputRows] = [inputs.map(rowsOf), outputs.map(rowsOf)];
  for (let index = 0; index < count; index += 1)
    await commitment.record(
      inputRows.map((rows) => rows[index]!.data),
      outputRows.map((rows) => rows[index]!.data),
    );
}

function windowHeader(
  { spec, runtimeClass }: BatchAttempt,
  input: TaskInput,
  source: OutputSource,
  formats: readonly RecordFormat[],
): Parameters<VerifierClient['commit']>[0] {
  return {
    workUid: spec.workUID,
    attempt: spec.attempt,
    modelSha256: spec.model.sha256,
    numericProfile: spec.model.numericProfile,
    runtimeClass,
    inputs: input.layout.fields.map(({ name, dataType, shape }) => ({ name, dataType, shape: [...shape] })),
    outputs: formats.map(({ name, dataType, shape }) => ({ name, dataType, shape: [...shape] })),
    shards: input.shards.map(({ index, firstRecord, records }) => ({
      index,
      firstRecord,
      records,
      stringLengths: [...source.stringLengths(index)!],
    })),
  };
}

/** The sidecar returns the first receipt of an attempt: with another state directory than this journal's it may be of other bytes. */
function assertReceiptIsOf(json: Uint8Array, outputs: readonly WrittenOutput[]): void {
  let signed: readonly string[];
  try {
    const { receipt } = parseReceipt(JSON.parse(Buffer.from(json).toString('utf8')));
    signed = receipt.outputs.map(
      ({ shardIndex, sha256, bytes }) => `${shardIndex} ${Buffer.from(sha256).toString('hex')} ${bytes}`,
    );
  } catch (cause) {
    throw new TaskFailure('AgentInternal', `the verifier sidecar returned no receipt: ${messageOf(cause)}`, { cause });
  }
  const written = outputs.map(({ shardIndex, sha256, sizeBytes }) => `${shardIndex} ${sha256} ${sizeBytes}`);
  if (written.join() === signed.join()) return;
  throw new TaskFailure(
    'AgentInternal',
    'the verifier sidecar has signed other outputs for this attempt; agent and sidecar must keep their state together',
  );
}

async function deliver(
  attempt: BatchAttempt,
  { journal, metrics }: BatchParts,
  key: AttemptKey,
  outputs: readonly WrittenOutput[],
): Promise<void> {
  const { access, state, directory, context } = attempt;
  const targets = new Map(access.outputs.map((target) => [target.shardIndex, target]));
  const waiting = outputs.filter(({ shardIndex }) => state.uploads.get(shardIndex) !== true);
  const failed = new AbortController();
  const signal = AbortSignal.any([context.signal, failed.signal]);
  const worker = async (): Promise<void> => {
    for (let output = waiting.shift(); output !== undefined; output = waiting.shift()) {
      signal.throwIfAborted();
      const { shardIndex, sizeBytes } = output;
      const target = targets.get(shardIndex);
      if (target === undefined)
        throw new TaskFailure('AgentInternal', `the storage Secret has no output for shard ${shardIndex}`);
      journal.uploading(key, shardIndex);
      await uploadOutput(target, outputPath(directory, shardIndex), state.uploads.has(shardIndex), {
        ...context,
        signal,
      });
      journal.uploaded(key, shardIndex);
      metrics.uploadedBytes.inc(sizeBytes);
    }
  };
  const workers = Array.from({ length: uploadsAtOnce }, async () =>
    worker().catch((error: unknown) => {
      // The first failure is the one that is told; the others stop for it.
      if (!failed.signal.aborted) failed.abort(error);
    }),
  );
  await Promise.all(workers);
  signal.throwIfAborted();
}
