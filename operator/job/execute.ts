import { finalizers, inferenceJobResource } from '@isochrone/api';
import { addFinalizer, ApiError, removeFinalizer } from '@isochrone/kube';
import { LedgerError } from '@isochrone/ledger';
import { hasRequests, needsCopy } from '../input/input-kind.ts';
import { actionKey, type Action } from './actions.ts';
import { ledgerNode } from './attempts.ts';
import { actionEvent } from './job-events.ts';
import { problemOf, type JobShell } from './job-shell.ts';
import { findManifest, writeManifest } from './manifest.ts';
import { inputLayout } from './model-check.ts';
import * as objects from './object-work.ts';
import { placeVerification, placeWork } from './place-tasks.ts';
import { acceptReceipt, quarantine, refund, release } from './settle-actions.ts';
import { challenge, createTask, deleteTask, lookUpTask, writeSecret } from './task-actions.ts';

export interface Execution {
  /** Whether anything changed, so that it is worth deciding again. */
  readonly changed: boolean;
  /** The first error that nothing explains to the user: to be thrown, for the backoff, once the status is written. */
  readonly failure: unknown;
}

/**
 * Does what was decided, in order. An action that fails holds up the rest of its window and nothing else: what a user can
 * mend is told, and tried again after a while.
 * @throws LedgerError LEDGER_UNAVAILABLE, STALE_LEADER: without the ledger nothing more is done
 */
export async function executeAll(shell: JobShell, actions: readonly Action[], signal: AbortSignal): Promise<Execution> {
  const { memory, deps } = shell;
  const wanted = new Set(actions.map(actionKey));
  for (const key of memory.stalled.keys()) if (!wanted.has(key) && !memory.busy.has(key)) memory.stalled.delete(key);
  const blocked = new Set<string>();
  let changed = false;
  let failure: unknown;
  for (const action of actions) {
    signal.throwIfAborted();
    const key = actionKey(action);
    const parts = partsOf(shell, action);
    if (shell.isStalled(key) || parts.some((part) => blocked.has(part))) {
      blocked.add(parts[0]);
      continue;
    }
    const event = actionEvent(action, memory.attempts!);
    const started = deps.clock.monotonic();
    try {
      changed = (await execute(shell, action, signal)) || changed;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof LedgerError && (error.code === 'LEDGER_UNAVAILABLE' || error.code === 'STALE_LEADER'))
        throw error;
      blocked.add(parts[0]);
      const problem = problemOf(error);
      if (problem === undefined) failure ??= error;
      else shell.stall(key, problem);
      // That an object changed meanwhile is ordinary.
      const level = error instanceof ApiError && error.isConflict ? 'debug' : 'warn';
      deps.logger[level]({ err: error, job: shell.key, action: key }, 'an action could not be done; it is tried again');
      // Decided again, so that the status tells it.
      changed ||= problem !== undefined;
      continue;
    }
    if (!memory.busy.has(key)) memory.stalled.delete(key);
    shell.metrics.actionSeconds.observe({ action: action.type }, (deps.clock.monotonic() - started) / 1000);
    if (event !== undefined) deps.events.record(inferenceJobResource, shell.job, event);
  }
  return { changed, failure };
}

/**
 * What an action builds on, its own part first. The actions of one window come in the order in which they must be done: no
 * refund before the node that it convicts has lost trust, no pay for the work before its re-executions are settled.
 */
function partsOf(shell: JobShell, action: Action): [own: string, ...others: string[]] {
  if (action.type === 'Quarantine') return [ledgerNode(action.cluster, action.node)];
  const about = 'attempt' in action ? action.attempt : 'primary' in action ? action.primary : undefined;
  if (about === undefined) return [action.type];
  const { attempt, verifies, cluster, node } = shell.attempt(about);
  return [`window ${verifies ?? attempt}`, ledgerNode(cluster, node)];
}

/** @returns whether the next decision may differ; work in the background wakes the job itself */
async function execute(shell: JobShell, action: Action, signal: AbortSignal): Promise<boolean> {
  const { deps, job } = shell;
  switch (action.type) {
    case 'AddFinalizer':
      await addFinalizer(deps.client, inferenceJobResource, job, finalizers.settlement);
      return false;
    case 'RemoveFinalizer':
      await removeFinalizer(deps.client, inferenceJobResource, job, finalizers.settlement);
      return false;
    // Also when no node was found: what was just learned is told, and its time of the next try is kept.
    case 'Place':
      await placeWork(shell, action, signal);
      return true;
    case 'PlaceVerification':
      await placeVerification(shell, action, signal);
      return true;
    case 'CreateTask':
      await createTask(shell, action.attempt);
      return true;
    case 'WriteSecret':
      await writeSecret(shell, action.attempt);
      return true;
    case 'LookUpTask':
      await lookUpTask(shell, action.attempt);
      return true;
    case 'DeleteTask':
      await deleteTask(shell, action.attempt);
      return true;
    case 'CheckReceipt':
      await acceptReceipt(shell, action.attempt);
      return true;
    case 'Challenge': {
      const pinned = await acceptReceipt(shell, action.attempt);
      if (pinned !== undefined) await challenge(shell, action.attempt, action.sample, pinned.receipt, pinned.nodeKey);
      return true;
    }
    case 'Release':
      await release(shell, action);
      return true;
    case 'Refund':
      await refund(shell, action, signal);
      return true;
    case 'Quarantine':
      await quarantine(shell, action);
      return false;
    case 'FetchEvidence': {
      const pinned = await acceptReceipt(shell, action.attempt);
      if (pinned === undefined) return true;
      const model = shell.model();
      const forms = model.outputs.map(({ name, dataType, shape }) => ({
        name,
        dataType,
        recordShape: shape.slice(1),
      }));
      const { spec } = shell.task(action.attempt)!;
      const window = { ...pinned, spec, forms, inputLayout: inputLayout(spec.input!, model) };
      shell.inBackground(actionKey(action), (stop) =>
        objects.fetchEvidence(shell, action.attempt, window, action.rows, stop),
      );
      return false;
    }
    case 'Admit':
      shell.inBackground(
        actionKey(action),
        (stop) => objects.admit(shell, stop),
        needsCopy(job.spec.input) ? shell.context.copies : shell.context.background,
      );
      return false;
    case 'CheckInput':
      shell.inBackground(actionKey(action), (stop) => objects.checkInput(shell, stop));
      return false;
    case 'Compose':
      shell.inBackground(actionKey(action), (stop) => objects.compose(shell, action.attempt, stop));
      return false;
    case 'Compare':
      shell.inBackground(actionKey(action), (stop) => objects.compare(shell, action, stop));
      return false;
    case 'FindManifest':
      shell.inBackground(actionKey(action), (stop) => findManifest(shell, stop));
      return false;
    case 'WriteManifest':
      shell.inBackground(
        actionKey(action),
        (stop) => writeManifest(shell, stop),
        hasRequests(job.spec.input) ? shell.context.copies : shell.context.background,
      );
      return false;
    case 'RemoveObjects':
      shell.inBackground(actionKey(action), (stop) => objects.removeObjects(shell, action, stop));
      return false;
  }
}
