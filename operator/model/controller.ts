import {
  annotations,
  inferenceModelResource,
  inferenceTaskResource,
  type EdgeCluster,
  type InferenceModel,
  type InferenceNode,
  type InferenceTask,
} from '@isochrone/api';
import {
  Controller,
  core,
  done,
  isConditionTrue,
  keyOf,
  parseQuantity,
  refOf,
  requeueAfter,
  type ApiClient,
  type Clock,
  type Informer,
  type Logger,
  type Metrics,
  type ReconcileResult,
} from '@isochrone/kube';
import { controllerDefaults } from '../controller-defaults.ts';
import { createUnlessPresent } from '../create-unless-present.ts';
import { deleteTaskAndAccess } from '../delete-task.ts';
import { OperatorError } from '../errors.ts';
import type { OperatorMetrics } from '../metrics.ts';
import { patchStatus } from '../patch-status.ts';
import { parseS3URI, readStorageSecret, S3Client } from '../storage/index.ts';
import { ADMISSION_ACCESS_SECONDS, admissionSecret, admissionTask } from './admission-task.ts';
import {
  decideVersion,
  modelStatus,
  withVerdict,
  type ModelVersion,
  type ObservedVersion,
  type VersionStatus,
} from './reconcile.ts';
import { pickTrustedDevice, type TrustedDevice } from './trusted-device.ts';
import { admissionUID } from './work-uid.ts';

export interface ModelDeps {
  readonly client: ApiClient;
  /** Of the operator; the Secrets of models are in it. */
  readonly namespace: string;
  readonly models: Informer<InferenceModel>;
  /** Declared with {@link admissionTaskIndex} as `model`. */
  readonly tasks: Informer<InferenceTask>;
  readonly nodes: Informer<InferenceNode>;
  readonly clusters: Informer<EdgeCluster>;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly operatorMetrics: OperatorMetrics;
  readonly clock: Clock;
}

/** Finds the admission tasks of a model by its name. */
export function admissionTaskIndex({ metadata, spec }: InferenceTask): readonly string[] {
  const model = metadata.annotations?.[annotations.model];
  return model === undefined || spec.type !== 'ModelAdmission' ? [] : [model];
}

interface Advance {
  readonly status: VersionStatus;
  /** What lets the task go, once the status is written. */
  readonly ending?: () => Promise<void>;
}

const lookAgainMilliseconds = 60_000;
const retryMilliseconds = 30_000;

/** Admits every version of a model on a trusted node before a job may use it. */
export class ModelController {
  readonly #deps: ModelDeps;
  /** Work UID -> when, on the monotonic clock, it may be tried again. */
  readonly #notBefore = new Map<string, number>();
  /** Tasks, by UID, whose Secret this process wrote or found. */
  readonly #withAccess = new Set<string>();
  readonly #controller: Controller;

  constructor(deps: ModelDeps) {
    this.#deps = deps;
    const { models, tasks, nodes, clusters, logger, metrics, clock } = deps;
    const everyModel = (): Iterable<string> => models.keys();
    this.#controller = new Controller({
      ...controllerDefaults,
      name: 'model',
      logger,
      metrics,
      clock,
      reconcile: (key) => this.#reconcile(key),
    })
      .watches(models)
      .watches(tasks, admissionTaskIndex)
      .watches(nodes, everyModel)
      .watches(clusters, everyModel);
  }

  async run(signal: AbortSignal): Promise<void> {
    await this.#controller.run(signal);
  }

  async #reconcile(name: string): Promise<ReconcileResult> {
    const { models, tasks, client, clock } = this.#deps;
    const model = models.get(name);
    const admissions = tasks.byIndex('model', name);
    const wanted = new Map(
      (model?.spec.versions ?? []).map((version) => [
        admissionUID(model?.metadata.uid ?? '', version.version, version.sha256),
        version,
      ]),
    );
    for (const task of admissions.filter(({ spec }) => !wanted.has(spec.workUID))) await this.#discard(task);
    if (model === undefined) return done;
    const statuses: VersionStatus[] = [];
    const endings: (() => Promise<void>)[] = [];
    for (const [workUID, version] of wanted) {
      const task = admissions.find(({ spec }) => spec.workUID === workUID);
      const { status, ending } = await this.#advance(model, version, workUID, task);
      statuses.push(status);
      if (ending !== undefined) endings.push(ending);
    }
    await patchStatus(client, inferenceModelResource, model, modelStatus(model, statuses, clock.now()));
    // A result that is let go before it is written is lost when the write fails.
    for (const end of endings) await end();
    const isOpen = statuses.some(({ conditions }) => !isConditionTrue(conditions, 'Admitted'));
    const waits = [...wanted.keys()].map((uid) => this.#wait(uid)).filter((wait) => wait > 0);
    return isOpen ? requeueAfter(Math.min(lookAgainMilliseconds, ...waits)) : done;
  }

  async #advance(
    model: InferenceModel,
    version: ModelVersion,
    workUID: string,
    task: InferenceTask | undefined,
  ): Promise<Advance> {
    const { nodes, clusters, clock, client, operatorMetrics } = this.#deps;
    const device = pickTrustedDevice(nodes.list(), clusters.list(), parseQuantity(version.deviceMemory) ?? Infinity);
    const observed: ObservedVersion = {
      version,
      generation: model.metadata.generation ?? 0,
      previous: model.status?.versions?.find((status) => status.version === version.version),
      task,
      hasAccess: task !== undefined && this.#withAccess.has(task.metadata.uid!),
      taskNodeIsReady: task !== undefined && this.#isReady(task),
      hasTrustedDevice: device !== undefined,
      warmNodes: nodes.list().filter(({ status }) => status?.models?.some(({ sha256 }) => sha256 === version.sha256))
        .length,
      waitMilliseconds: this.#wait(workUID),
    };
    const { status, step, ended } = decideVersion(observed, clock.now());
    const count = (): void => {
      if (ended !== undefined) operatorMetrics.admissions.inc({ reason: ended });
    };
    switch (step.type) {
      case 'None':
        return { status };
      case 'Acknowledge': {
        const { attempt } = task!.spec;
        const ending = async (): Promise<void> => {
          count();
          await client.mergePatch(inferenceTaskResource, refOf(task!), { spec: { acknowledgedAttempt: attempt } });
        };
        return { status, ending };
      }
      case 'Discard': {
        const ending = async (): Promise<void> => {
          count();
          this.#notBefore.set(workUID, clock.monotonic() + step.retryAfterMilliseconds);
          await this.#discard(task!);
        };
        return { status, ending };
      }
      case 'GrantAccess':
      case 'Start': {
        // Also after a success: until the event of the task has come, nothing is to be started again.
        this.#notBefore.set(workUID, clock.monotonic() + retryMilliseconds);
        const failure = await this.#start(model, version, workUID, task ?? device!).catch((error: unknown) =>
          this.#explain(error, model, version),
        );
        return { status: failure === undefined ? status : withVerdict(observed, failure, clock.now()) };
      }
    }
  }

  /** Makes the task, unless it is there, and gives it access. @throws OperatorError STORAGE_*, SECRET_*; ApiError */
  async #start(
    model: InferenceModel,
    version: ModelVersion,
    workUID: string,
    at: InferenceTask | TrustedDevice,
  ): Promise<undefined> {
    const { client, clock, logger } = this.#deps;
    const { sizeBytes, url } = await this.#presign(version);
    const attempt = Math.floor(clock.now() / 1000);
    const task =
      'metadata' in at
        ? at
        : await client.create(
            inferenceTaskResource,
            admissionTask({ model, version, device: at, workUID, attempt, sizeBytes }),
          );
    const expiresAt = clock.now() + ADMISSION_ACCESS_SECONDS * 1000;
    await createUnlessPresent(client.create(core.secrets, admissionSecret(task, url, expiresAt)));
    this.#withAccess.add(task.metadata.uid!);
    logger.info({ model: model.metadata.name, version: version.version, task: keyOf(task) }, 'admission started');
  }

  /** Told in the condition too: a version without one, or with that of an hour ago, explains nothing. */
  #explain(error: unknown, model: InferenceModel, version: ModelVersion): Parameters<typeof withVerdict>[1] {
    if (error instanceof OperatorError)
      return { reason: 'ModelUnavailable', message: `uri ${version.uri}: ${error.message}; it is tried again` };
    const { logger } = this.#deps;
    logger.error({ err: error, model: model.metadata.name, version: version.version }, 'admission did not start');
    const message = `the admission could not be started: ${String(error)}; it is tried again`;
    return { reason: 'AdmissionFailed', message };
  }

  async #discard(task: InferenceTask): Promise<void> {
    await deleteTaskAndAccess(this.#deps.client, task);
    this.#withAccess.delete(task.metadata.uid!);
  }

  /** @throws OperatorError STORAGE_*, SECRET_* */
  async #presign(version: ModelVersion): Promise<{ sizeBytes: number; url: string }> {
    const { client, namespace } = this.#deps;
    const { credentialsSecretRef, uri } = version;
    if (credentialsSecretRef === undefined) {
      throw new OperatorError(
        'SECRET_NOT_FOUND',
        `credentialsSecretRef is missing; name a Secret in ${namespace} with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`,
      );
    }
    const storage = new S3Client(await readStorageSecret(client, { namespace, name: credentialsSecretRef.name }));
    const location = parseS3URI(uri);
    const { sizeBytes } = await storage.head(location);
    if (sizeBytes === 0) throw new OperatorError('STORAGE_REFUSED', 'the object is empty');
    const { url } = await storage.presignGet(location, { expiresSeconds: ADMISSION_ACCESS_SECONDS });
    return { sizeBytes, url };
  }

  #isReady({ metadata, spec }: InferenceTask): boolean {
    const node = this.#deps.nodes.get(`${metadata.namespace ?? ''}/${spec.nodeName}`);
    return isConditionTrue(node?.status?.conditions, 'Ready');
  }

  #wait(workUID: string): number {
    return Math.max(0, (this.#notBefore.get(workUID) ?? -Infinity) - this.#deps.clock.monotonic());
  }
}
