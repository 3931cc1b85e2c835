import { finalizers, inferenceJobResource } from '@isochrone/api';
import { addFinalizer, removeFinalizer } from '@isochrone/kube';
import type { Action } from './actions.ts';
import { actionEvent } from './job-events.ts';
import type { JobShell } from './job-shell.ts';
import * as objects from './object-work.ts';
import { placeVerification, placeWork } from './place-tasks.ts';
import { acceptReceipt, quarantine, refund, release } from './settle-actions.ts';
import { challenge, createTask, deleteTask, lookUpTask, writeSecret } from './task-actions.ts';

/** Does what was decided, in order. @returns whether anything changed, so that it is worth deciding again */
export async function executeAll(shell: JobShell, actions: readonly Action[], signal: AbortSignal): Promise<boolean> {
  let changed = false;
  for (const action of actions) {
    signal.throwIfAborted();
    const event = actionEvent(action, shell.memory.attempts!);
    const started = shell.deps.clock.monotonic();
    changed = (await execute(shell, action, signal)) || changed;
    shell.metrics.actionSeconds.observe({ action: action.type }, (shell.deps.clock.monotonic() - started) / 1000);
    if (event !== undefined) shell.deps.events.record(inferenceJobResource, shell.job, event);
  }
  return changed;
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
    case 'Place':
      return placeWork(shell, action, signal);
    case 'PlaceVerification':
      return placeVerification(shell, action, signal);
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
      await refund(shell, action);
      return true;
    case 'Quarantine':
      await quarantine(shell, action);
      return false;
    case 'FetchEvidence': {
      const pinned = await acceptReceipt(shell, action.attempt);
      const { input, output } = shell.model();
      if (pinned === undefined) return true;
      const form = { dataType: output.dataType, recordShape: output.shape.slice(1) };
      const window = {
        ...pinned,
        spec: shell.task(action.attempt)!.spec,
        inputName: input.name,
        outputName: output.name,
        output: form,
      };
      shell.inBackground(`FetchEvidence/${action.attempt}`, (stop) =>
        objects.fetchEvidence(shell, action.attempt, window, action.rows, stop),
      );
      return false;
    }
    case 'Admit':
      shell.inBackground('Admit', (stop) => objects.admit(shell, stop));
      return false;
    case 'CheckInput':
      shell.inBackground('CheckInput', (stop) => objects.checkInput(shell, stop));
      return false;
    case 'Compose':
      shell.inBackground(`Compose/${action.attempt}`, (stop) => objects.compose(shell, action.attempt, stop));
      return false;
    case 'Compare':
      shell.inBackground(`Compare/${action.reference}:${action.candidate}`, (stop) =>
        objects.compare(shell, action, stop),
      );
      return false;
    case 'WriteManifest':
      shell.inBackground('WriteManifest', (stop) => objects.writeManifest(shell, stop));
      return false;
    case 'RemoveObjects':
      shell.inBackground('RemoveObjects', (stop) => objects.removeObjects(shell, action.attempts, stop));
      return false;
  }
}
