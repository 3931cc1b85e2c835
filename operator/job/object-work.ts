import { checkDelivered, WindowInputLost, type DeliveredRows } from '../attempt/check-delivered.ts';
import { compareRows, type RowPair } from '../attempt/compare-rows.ts';
import { composeRecords } from '../attempt/composition.ts';
import { DeliveredMismatch, OutputOffForm } from '../attempt/delivered-object.ts';
import { readRows, type RowObject } from '../attempt/row-reader.ts';
import { windowRows, type Window } from '../attempt/window.ts';
import { OperatorError, hasCode } from '../errors.ts';
import { needsCopy } from '../input/input-kind.ts';
import { describedLayout, encodeNpyRecordsHeader, type RecordLayout } from '@isochrone/tensor';
import type { Action } from './actions.ts';
import { AdmissionProblem, asProblem } from './admission-problem.ts';
import { admitInput } from './admit-input.ts';
import { composedInputLocation, outputLocation, removeCopy, type JobStorage } from './job-storage.ts';
import type { JobShell } from './job-shell.ts';
import { comparisonKey, type EvidenceOutcome, type SampledRows } from './observed.ts';

/**
 * The long work on objects. Each function ends with its result in the memory; what it throws stalls its action for a while
 * (`JobShell.inBackground`).
 */

export async function admit(shell: JobShell, signal: AbortSignal): Promise<void> {
  const { memory, job, deps } = shell;
  const gone = untilGone(shell, signal);
  try {
    const input = await admitInput(job, shell.model(), await shell.storage(), deps.options, gone.signal);
    memory.admission = { ok: true, input };
  } catch (error) {
    signal.throwIfAborted();
    if (gone.signal.aborted) {
      // Whoever removed the copy of the job that goes may have come before it was written.
      if (needsCopy(job.spec.input)) await removeCopy(await shell.storage(), signal);
      return;
    }
    const known = asProblem(error);
    memory.storage = undefined;
    const problem =
      known instanceof AdmissionProblem ? known.problem : { reason: 'StorageUnavailable', message: String(error) };
    // A copy is read from its beginning each time.
    const failures = (memory.admission?.ok === false ? memory.admission.failures : 0) + 1;
    memory.admission = {
      ok: false,
      problem,
      retryAt: shell.retryAt(needsCopy(job.spec.input) ? failures - 1 : 0),
      failures,
    };
    if (!(known instanceof AdmissionProblem)) throw error;
  } finally {
    gone.stop();
  }
}

/** Aborts with the signal, or once the job is to go: its finalizer does not wait for what nobody will read. */
function untilGone({ deps, key, job }: JobShell, signal: AbortSignal): { signal: AbortSignal; stop: () => void } {
  const gone = new AbortController();
  const look = (): void => {
    const { metadata } = deps.jobs.get(key) ?? {};
    if (metadata?.uid !== job.metadata.uid || metadata?.deletionTimestamp !== undefined)
      gone.abort(new Error('the job is deleted'));
  };
  const stop = deps.jobs.onChange((change) => {
    if (change.key === key) look();
  });
  look();
  return { signal: AbortSignal.any([signal, gone.signal]), stop };
}

/** Has the input changed since it was admitted? A store that does not answer says nothing. */
export async function checkInput(shell: JobShell, signal: AbortSignal): Promise<void> {
  const { input } = await shell.storage();
  try {
    const { etag } = await input.client.head(input.location, signal);
    shell.memory.inputNow = etag === shell.job.status!.input!.etag ? 'Same' : 'Changed';
  } catch (error) {
    if (!hasCode(error, 'STORAGE_NOT_FOUND')) throw error;
    shell.memory.inputNow = 'Changed';
  }
}

export async function fetchEvidence(
  shell: JobShell,
  attempt: number,
  window: Omit<Window, 'input' | 'outputs'>,
  rows: SampledRows,
  signal: AbortSignal,
): Promise<void> {
  const { memory } = shell;
  const task = shell.task(attempt);
  if (task === undefined) return;
  const finish = (outcome: EvidenceOutcome): void => void memory.evidence.set(attempt, outcome);
  try {
    const storage = await shell.storage();
    const input = inputOf(shell, storage, attempt, window);
    const location = (shardIndex: number) => outputLocation(storage.output, task.metadata.name, shardIndex);
    const whole: Window = { ...window, input, outputs: { client: storage.output.client, location } };
    const look = () => checkDelivered(whole, rows, task.status?.openings ?? [], signal);
    // What convicts a node is read twice: one answer of a store that errs must not.
    const delivered = await look().catch((error: unknown) => {
      if (error instanceof DeliveredMismatch) return look();
      throw error;
    });
    memory.windows.set(attempt, { window: whole, delivered });
    finish({ result: 'Matches' });
  } catch (error) {
    if (error instanceof DeliveredMismatch) finish({ result: 'Differs', message: error.message });
    else if (error instanceof OutputOffForm) finish({ result: 'OffForm', message: error.message });
    else if (error instanceof WindowInputLost) {
      if (isComposed(shell, window.spec)) return finish({ result: 'InputLost', message: error.message });
      memory.inputNow = 'Changed';
      finish({ result: 'Unavailable', message: error.message, retryAt: shell.retryAt() });
    } else if (hasCode(error, 'STORAGE_NOT_FOUND')) finish({ result: 'Missing', message: error.message });
    else if (error instanceof OperatorError)
      finish({ result: 'Unavailable', message: error.message, retryAt: shell.retryAt() });
    else throw error;
  }
}

/** The rows that an attempt was given: the job's input, or what was composed for it. */
function inputOf(
  shell: JobShell,
  storage: JobStorage,
  attempt: number,
  { spec, inputLayout: { recordBytes } }: Pick<Window, 'spec' | 'inputLayout'>,
): RowObject {
  const { etag, dataOffset } = spec.input!;
  const { client, location } = isComposed(shell, spec)
    ? { client: storage.output.client, location: composedInputLocation(storage.output, shell.identity(attempt).name) }
    : storage.input;
  return { client, location, etag, dataOffset, rowBytes: recordBytes };
}

function isComposed({ job }: JobShell, { input }: Window['spec']): boolean {
  return input!.etag !== job.status!.input!.etag;
}

/** Records of the job's input that a re-execution runs, in its order. */
function composition(shell: JobShell, attempt: number): number[] {
  const { records, verifies } = shell.attempt(attempt);
  const primary = shell.task(verifies!);
  const rows = windowRows(primary!.spec);
  const sampled = (primary!.spec.challenge?.indices ?? []).map((leaf) => rows[leaf]!.record);
  return composeRecords(
    shell.secret.names,
    shell.identity(attempt).workUID,
    sampled,
    shell.job.status!.input!.records,
    records,
  );
}

/** Writes the input of a re-execution. Again, it writes the same bytes. */
export async function compose(shell: JobShell, attempt: number, signal: AbortSignal): Promise<void> {
  const { memory, job } = shell;
  const pending = memory.pending.get(attempt);
  if (pending === undefined || shell.task(shell.attempt(attempt).verifies!) === undefined) return;
  const { input: from, output } = await shell.storage();
  const input = job.status!.input!;
  const layout = describedLayout(input, ''); // the name is not written
  const records = composition(shell, attempt);
  const object: RowObject = { ...from, etag: input.etag, dataOffset: input.dataOffset, rowBytes: layout.recordBytes };
  try {
    const header = encodeNpyRecordsHeader(asWritten(layout), records.length);
    // The one copy that is held: rows go where they belong as they arrive.
    const body = Buffer.alloc(header.byteLength + records.length * object.rowBytes);
    body.set(header);
    let end = header.byteLength;
    try {
      const refs = records.map((row) => ({ object, row }));
      for await (const row of readRows(refs, signal)) {
        body.set(row, end);
        end += row.byteLength;
      }
    } catch (error) {
      // Of reads only: a missing bucket for the output says nothing about the input.
      if (hasCode(error, 'STORAGE_PRECONDITION', 'STORAGE_NOT_FOUND')) memory.inputNow = 'Changed';
      throw error;
    }
    const { etag } = await output.client.put(composedInputLocation(output, shell.identity(attempt).name), body, {
      signal,
    });
    memory.pending.set(attempt, { ...pending, composition: { etag, dataOffset: header.byteLength } });
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof OperatorError)) throw error;
    memory.pending.set(attempt, { ...pending, composition: { failed: error.message } });
    const problem = { reason: 'StorageUnavailable', message: error.message, explanation: undefined, needs: undefined };
    const now = shell.deps.clock.now();
    memory.verificationPlacement.set(shell.attempt(attempt).verifies!, {
      ...problem,
      retryAt: shell.retryAt(),
      since: now,
    });
  }
}

/** A record that is one tensor lies as an array without fields, as those that users write. */
function asWritten({ fields, recordBytes }: RecordLayout): RecordLayout {
  return fields.length > 1 ? { fields, recordBytes } : { fields: [{ ...fields[0]!, name: '' }], recordBytes };
}

type Compare = Extract<Action, { type: 'Compare' }>;

export async function compare(shell: JobShell, action: Compare, signal: AbortSignal): Promise<void> {
  const { memory } = shell;
  const key = comparisonKey(action.reference, action.candidate);
  const [reference, candidate] = [memory.windows.get(action.reference), memory.windows.get(action.candidate)];
  const primaryTask = shell.task(action.primary);
  if (reference === undefined || candidate === undefined || primaryTask === undefined) return;
  const rows = windowRows(primaryTask.spec);
  const leaves = primaryTask.spec.challenge?.indices ?? rows.map(({ leaf }) => leaf);
  const sides = [action.reference, action.candidate].map((attempt) =>
    rowsOf(
      shell,
      attempt,
      leaves,
      rows.map(({ record }) => record),
    ),
  );
  const pairs = leaves.map((_, position): RowPair => ({
    reference: sides[0]![position]!,
    candidate: sides[1]![position]!,
  }));
  const [one, other] = [reference.window, candidate.window];
  const relation = one.receipt.runtimeClass === other.receipt.runtimeClass ? 'SameClass' : 'CrossClass';
  try {
    const compared = await compareRows(pairs, shell.model().version, relation, signal);
    memory.comparisons.set(key, { result: 'Compared', ...compared });
  } catch (error) {
    // Objects that changed since they were checked are checked again.
    if (hasCode(error, 'STORAGE_PRECONDITION'))
      for (const attempt of [action.reference, action.candidate]) memory.evidence.delete(attempt);
    memory.comparisons.set(key, { result: 'Unavailable', message: String(error), retryAt: shell.retryAt() });
    if (!(error instanceof OperatorError)) throw error;
  }
}

/** Where the sampled rows lie in what an attempt delivered. */
function rowsOf(
  shell: JobShell,
  attempt: number,
  leaves: readonly number[],
  recordOfLeaf: readonly number[],
): RowPair['reference'][] {
  const { window, delivered } = shell.memory.windows.get(attempt)!;
  const rows = windowRows(window.spec);
  const positions = isComposed(shell, window.spec)
    ? new Map(composition(shell, attempt).map((record, position) => [record, position]))
    : undefined;
  return leaves.map((leaf) => {
    const { shardIndex, row } = rows[positions === undefined ? leaf : positions.get(recordOfLeaf[leaf]!)!]!;
    const object = delivered.get(shardIndex)! satisfies DeliveredRows extends ReadonlyMap<number, infer O> ? O : never;
    return { object, row, layout: object.layout };
  });
}

/** Deletes what attempts wrote that no manifest names. Best effort: it is tried once. */
export async function removeObjects(
  shell: JobShell,
  { attempts, inputCopy }: Extract<Action, { type: 'RemoveObjects' }>,
  signal: AbortSignal,
): Promise<void> {
  try {
    const storage = await shell.storage();
    const { output } = storage;
    if (inputCopy) await removeCopy(storage, signal);
    for (const attempt of attempts) {
      const key = `${output.location.key}attempts/${shell.identity(attempt).name}/`;
      for await (const object of output.client.list({ ...output.location, key }, signal)) {
        await output.client.delete({ ...output.location, key: object.key }, signal);
      }
    }
  } finally {
    shell.memory.isCleaned = true;
  }
}
