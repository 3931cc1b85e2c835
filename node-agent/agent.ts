import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { inferenceTaskResource, type InferenceTask } from '@isochrone/api';
import { ApiClient, Informer, Metrics, parseQuantity, systemClock, type Controller } from '@isochrone/kube';
import type { OptionsOf, ServiceContext } from '@isochrone/service';
import { DeviceLedger } from './admission/device-ledger.ts';
import type { agentOptions } from './agent-options.ts';
import { Journal, journalSchema } from './batch/journal.ts';
import { AgentError, messageOf } from './errors.ts';
import { takeInventory, type Inventory } from './hardware/inventory.ts';
import { agentMetrics } from './metrics.ts';
import { ModelStore } from './models/model-store.ts';
import { GrantWatch } from './node/grant-watch.ts';
import { renewNodeLease, sleepUnlessAborted } from './node/node-lease.ts';
import { NodeObject } from './node/node-object.ts';
import { NodeReporter } from './node/node-reporter.ts';
import { RuntimePool } from './runtime/runtime-pool.ts';
import { openStateDatabase } from './state-directory.ts';
import { forgetEnded, taskController } from './tasks/task-controller.ts';
import type { TaskRunParts } from './tasks/task-run.ts';
import { TaskRunner } from './tasks/task-runner.ts';
import { VerifierClient } from './verifier/verifier-client.ts';

export { agentOptions } from './agent-options.ts';
export { agentErrors, verifierErrors } from './errors.ts';
export type { AgentErrorCode } from './errors.ts';
export { agentMetrics } from './metrics.ts';

const identityMilliseconds = 5_000;
const identityRetryMilliseconds = 1_000;
const capacityPatienceMilliseconds = 10_000;
/** Schema of InferenceNode, status.models. */
const reportedModels = 64;

/**
 * The node agent: offers this machine's devices and runs the tasks that are bound to it.
 * @throws AgentError STATE_DIRECTORY_LOCKED, STATE_INVALID, HARDWARE_UNKNOWN; KubeconfigError
 */
export async function runAgent(options: OptionsOf<typeof agentOptions>, context: ServiceContext): Promise<void> {
  const { namespace, nodeName, stateDirectory } = options;
  const { signal, health } = context;
  const clock = systemClock;
  const logger = context.logger.child({ node: nodeName });
  using database = openStateDatabase(stateDirectory, 'agent.db', journalSchema);
  const metrics = agentMetrics(context.registry);
  const kubeMetrics = new Metrics(context.registry);
  const clientOptions = { logger, metrics: kubeMetrics, fieldManager: 'isochrone-agent' };
  const client = await (options.kubeconfig === undefined
    ? ApiClient.inCluster(clientOptions)
    : ApiClient.fromKubeconfig({ ...clientOptions, path: options.kubeconfig }));
  using verifier = new VerifierClient(options.verifierSocket);

  let notReady: string | undefined = 'hardware is not probed yet';
  health.readiness('agent', () => notReady ?? true);
  const inventory = await takeInventory({
    nodeName,
    stateDirectory,
    deviceMemoryBytes: options.deviceMemory === undefined ? undefined : bytesOf('deviceMemory', options.deviceMemory),
    slots: options.slots,
    environment: process.env,
    clock,
    logger,
  });
  logger.info({ inventory }, 'hardware is probed');
  notReady = `verifier sidecar at ${options.verifierSocket} did not tell its key yet`;
  const publicKey = await awaitIdentity(verifier, context);
  if (publicKey === undefined) return;
  notReady = undefined;

  const measured = new Map<string, number>();
  const directory = join(stateDirectory, 'attempts');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const models = await ModelStore.open({
    directory: join(stateDirectory, 'models'),
    quotaBytes: bytesOf('modelQuota', options.modelQuota),
    now: () => clock.now(),
    onEvent: (event) => {
      if (event.type === 'downloaded') metrics.modelBytes.inc(event.bytes);
      else if (event.type === 'hit') metrics.modelCacheHits.inc();
      else if (event.type === 'evicted') metrics.modelEvictions.inc();
      else if (event.type === 'corrupt') metrics.modelsCorrupt.inc();
      if (event.type === 'corrupt')
        logger.warn({ model: event.sha256 }, 'a model on the disk was corrupt and is removed');
      if (event.type !== 'downloaded') reporter.changed();
    },
  });
  const pool = new RuntimePool({
    clock,
    logger,
    environment: process.env,
    idleMilliseconds: options.runtimeIdleSeconds * 1000,
    onRestart: () => metrics.runtimeRestarts.inc(),
  });
  const parts: TaskRunParts = {
    client,
    clock,
    random: Math.random,
    logger,
    journal: new Journal(database),
    models,
    pool,
    verifier,
    metrics,
    inventory,
    cpuThreads: options.cpuThreads,
    directory,
    onMeasured: (sha256, nanoseconds) => {
      measured.set(sha256, twoDigits(nanoseconds));
      reporter.changed();
    },
  };
  const tasks = new Informer<InferenceTask>({
    client,
    resource: inferenceTaskResource,
    namespace,
    fieldSelector: `spec.nodeName=${nodeName}`,
    logger,
    metrics: kubeMetrics,
    clock,
  });
  const runner = new TaskRunner({
    parts,
    ledger: new DeviceLedger(capacities(inventory)),
    onChange: (key) => {
      controller.enqueue(key);
      reporter.changed();
    },
    capacityPatienceMilliseconds,
  });
  const reconsiderTasks = (): void => {
    for (const key of tasks.keys()) controller.enqueue(key);
  };
  const grant = new GrantWatch({
    client,
    namespace,
    clock,
    logger,
    metrics: kubeMetrics,
    onChange: reconsiderTasks,
  });
  const controller: Controller = taskController({
    tasks,
    runner,
    parts,
    metrics: kubeMetrics,
    granted: () => grant.held && reporter.accepted,
    onChange: () => reporter.changed(),
  });
  const spec = {
    publicKey,
    inventory,
    ask: { pricePerThousandReferenceSeconds: options.askPricePerThousandReferenceSeconds },
  };
  const reporter = new NodeReporter({
    node: new NodeObject(client, clock, { namespace, name: nodeName }, spec),
    observe: () => ({
      models: models
        .verified()
        .slice(0, reportedModels)
        .map((sha256) => {
          const nanosecondsPerRecord = measured.get(sha256);
          return { sha256, ...(nanosecondsPerRecord !== undefined && { nanosecondsPerRecord }) };
        }),
      runningTasks: runner.running,
    }),
    check: () => identityProblem(verifier, publicKey),
    onAccepted: reconsiderTasks,
    clock,
    logger,
  });
  health.readiness('node', () => reporter.problem ?? true);
  try {
    await Promise.all([
      tasks.run(signal),
      grant.run(signal),
      renewNodeLease({ client, namespace, nodeName, clock, logger, accepted: () => reporter.accepted }, signal),
      reporter.run(signal),
      models.verifyAll(signal),
      tasks.synced().then(() => (signal.aborted ? undefined : forgetEnded({ tasks, runner, parts }))),
      controller.run(signal),
      stopRuns(runner, signal),
    ]);
  } finally {
    await runner.stopAll('the agent is stopping');
    await pool.close();
    await client.close();
  }
}

/** The key, once the sidecar is there; undefined when the agent is stopped before. */
async function awaitIdentity(
  verifier: VerifierClient,
  { logger, signal }: ServiceContext,
): Promise<string | undefined> {
  while (!signal.aborted) {
    try {
      return Buffer.from(await verifier.identity(identityMilliseconds)).toString('base64');
    } catch (error) {
      logger.warn({ err: error }, 'the verifier sidecar does not tell its key; asked again');
      await sleepUnlessAborted(systemClock, identityRetryMilliseconds, signal);
    }
  }
  return undefined;
}

async function identityProblem(verifier: VerifierClient, publicKey: string): Promise<string | undefined> {
  try {
    const now = Buffer.from(await verifier.identity(identityMilliseconds)).toString('base64');
    return now === publicKey
      ? undefined
      : `the verifier sidecar has another key (${now}) than when the agent started; restart the agent`;
  } catch (error) {
    return messageOf(error);
  }
}

/** At once, while the controllers wind down: the grace period of the process is short. */
async function stopRuns(runner: TaskRunner, signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  await runner.stopAll('the agent is stopping');
}

function capacities(inventory: Inventory): Map<string, { memoryBytes: number; slots: number }> {
  return new Map(
    inventory.devices.map(({ uuid, memory, slots }) => [uuid, { memoryBytes: parseQuantity(memory)!, slots }]),
  );
}

function bytesOf(name: string, quantity: string): number {
  const bytes = parseQuantity(quantity);
  if (bytes !== undefined && bytes > 0) return bytes;
  throw new AgentError('OPTION_INVALID', `${name} is ${JSON.stringify(quantity)}; expected a quantity like 8Gi`);
}

/** So that the jitter of measurements does not write the node again and again. */
function twoDigits(nanoseconds: number): number {
  return Math.max(1, Math.round(Number(nanoseconds.toPrecision(2))));
}
