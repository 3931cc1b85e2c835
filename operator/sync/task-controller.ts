import { annotations, inferenceTaskResource, type InferenceTask } from '@isochrone/api';
import {
  ApiError,
  Controller,
  done,
  refOf,
  requeueAfter,
  type Logger,
  type MergePatch,
  type ReconcileResult,
  type Secret,
} from '@isochrone/kube';
import { controllerDefaults } from '../controller-defaults.ts';
import { copyOfTask, originOf } from './copy.ts';
import { decideTask, type ObservedTask, type TaskAction } from './decide-task.ts';
import type { SyncDeps } from './deps.ts';
import { failedStatus, isTerminal, type StatusPush } from './upward.ts';

/** Brings the tasks of the hub to the member, and their status back. Its key is the name of a task. */
export class TaskSync {
  readonly #deps: SyncDeps;
  /** Tasks that were gone from the hub after their result was acknowledged. */
  readonly #acknowledged = new Set<string>();
  /** When the last status of a task was sent, monotonic milliseconds. */
  readonly #pushedAt = new Map<string, number>();
  readonly #controller: Controller;

  constructor(deps: SyncDeps) {
    this.#deps = deps;
    const { hubTasks, memberTasks, hubSecrets, memberSecrets, logger, metrics, clock } = deps;
    this.#controller = new Controller({
      ...controllerDefaults,
      name: 'task-sync',
      concurrency: 8,
      logger,
      metrics,
      clock,
      reconcile: (name, { logger }) => this.#reconcile(name, logger),
    });
    hubTasks.onChange((change) => {
      if (change.type !== 'Deleted') return;
      const { attempt, acknowledgedAttempt } = change.previous.spec;
      if (acknowledgedAttempt === attempt) this.#acknowledged.add(change.previous.metadata.uid ?? '');
    });
    const name = ({ metadata }: InferenceTask): string[] => [metadata.name];
    const readers = (secret: Secret): string[] =>
      hubTasks.byIndex('secret', secret.metadata.name ?? '').map(({ metadata }) => metadata.name);
    this.#controller
      .watches(hubTasks, name)
      .watches(memberTasks, name)
      .watches(hubSecrets, readers)
      .watches(memberSecrets, readers);
  }

  async run(signal: AbortSignal): Promise<void> {
    await this.#controller.run(signal);
  }

  async #reconcile(name: string, logger: Logger): Promise<ReconcileResult> {
    const { hubTasks, memberTasks, hubNamespace, memberNamespace, clock, outboxSeconds } = this.#deps;
    const hub = hubTasks.get(`${hubNamespace}/${name}`);
    const copy = memberTasks.get(`${memberNamespace}/${name}`);
    const origin = copy === undefined ? undefined : originOf(copy);
    const { actions, requeueAfterMilliseconds } = decideTask(
      {
        hub,
        copy,
        secret: hub === undefined ? 'Missing' : this.#secretOf(hub),
        wasAcknowledged: origin !== undefined && this.#acknowledged.has(origin),
      },
      clock.now(),
      outboxSeconds * 1000,
    );
    let wait = requeueAfterMilliseconds;
    for (const action of actions) wait = (await this.#execute(action, hub, copy, logger)) ?? wait;
    if (hub === undefined && copy === undefined) this.#pushedAt.delete(name);
    return wait === undefined ? done : requeueAfter(wait);
  }

  /** @returns milliseconds after which it is to be done, when it is not to be done yet */
  async #execute(
    action: TaskAction,
    hub: InferenceTask | undefined,
    copy: InferenceTask | undefined,
    logger: Logger,
  ): Promise<number | undefined> {
    const { member, memberNamespace, clock, syncMetrics } = this.#deps;
    switch (action.type) {
      case 'Create':
        await member.create(inferenceTaskResource, copyOfTask(hub!, memberNamespace));
        syncMetrics.tasks.inc({ action: 'created' });
        return undefined;
      case 'Delete': {
        const { uid } = copy!.metadata;
        logger.info({ task: copy!.metadata.name, why: action.why }, 'deleting the copy of a task');
        await member.delete(inferenceTaskResource, refOf(copy!), uid === undefined ? {} : { uid });
        syncMetrics.tasks.inc({ action: 'deleted' });
        this.#acknowledged.delete(originOf(copy!) ?? '');
        return undefined;
      }
      case 'PatchSpec':
        await member.mergePatch(inferenceTaskResource, refOf(copy!), conditional(copy!, { spec: action.spec }));
        syncMetrics.tasks.inc({ action: 'updated' });
        return undefined;
      case 'MarkOrphaned': {
        const patch = {
          metadata: { annotations: { [annotations.orphanedTime]: new Date(clock.now()).toISOString() } },
        };
        await member.mergePatch(inferenceTaskResource, refOf(copy!), conditional(copy!, patch));
        return undefined;
      }
      case 'Push':
        return this.#push(hub!, action, logger);
    }
  }

  async #push(hub: InferenceTask, { status, isProgress }: StatusPush, logger: Logger): Promise<number | undefined> {
    const { clock, progressMilliseconds, syncMetrics } = this.#deps;
    const { name } = hub.metadata;
    const wait = (this.#pushedAt.get(name) ?? -Infinity) + progressMilliseconds - clock.monotonic();
    if (isProgress && wait > 0) return wait;
    try {
      await this.#patchStatus(hub, status);
    } catch (error) {
      // The hub refuses what the agent wrote. It would wait for a result that can never arrive, so it is told that instead.
      if (!(error instanceof ApiError && error.isInvalid) || isTerminal(hub.status)) throw error;
      logger.warn({ task: name, err: error }, 'the hub refused the status of a task; reporting the attempt as failed');
      const message = `the hub refused the status: ${error.message}`;
      await this.#patchStatus(hub, failedStatus(hub.spec.attempt, message));
    }
    this.#pushedAt.set(name, clock.monotonic());
    syncMetrics.statuses.inc({ kind: isProgress ? 'progress' : 'state' });
    return undefined;
  }

  async #patchStatus(hub: InferenceTask, status: NonNullable<InferenceTask['status']>): Promise<void> {
    const { hub: client } = this.#deps;
    try {
      await client.mergePatch(inferenceTaskResource, refOf(hub), conditional(hub, { status }), {
        subresource: 'status',
      });
    } catch (error) {
      // Deleted meanwhile: the event is on the way.
      if (!(error instanceof ApiError && error.isNotFound)) throw error;
    }
  }

  #secretOf(hub: InferenceTask): ObservedTask['secret'] {
    const { hubSecrets, memberSecrets, hubNamespace, memberNamespace } = this.#deps;
    const { storageSecretName } = hub.spec;
    const source = hubSecrets.get(`${hubNamespace}/${storageSecretName}`);
    const found = memberSecrets.get(`${memberNamespace}/${storageSecretName}`);
    if (source === undefined || found === undefined) return 'Missing';
    const origin = originOf(found);
    if (origin === undefined) return 'Stranger';
    return origin === source.metadata.uid ? 'Copied' : 'Missing';
  }
}

/** Only for this incarnation in this version: a namesake that was made meanwhile is not meant. */
function conditional(object: InferenceTask, patch: object): MergePatch<InferenceTask> {
  const { resourceVersion } = object.metadata;
  const { metadata, ...rest } = patch as { metadata?: object };
  return { ...rest, metadata: { ...metadata, resourceVersion } } as MergePatch<InferenceTask>;
}
