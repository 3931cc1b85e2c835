import { edgeNamespace, finalizers, type InferenceJob, type InferenceModel, type InferenceTask } from '@isochrone/api';
import { amountFor, type Ledger } from '@isochrone/ledger';
import type { Outcome } from '@isochrone/verification';
import type { Action } from '../actions.ts';
import { groupAttempts, ledgerNode, type Attempt } from '../attempts.ts';
import { JobMemory } from '../job-memory.ts';
import { comparisonKey, type Observed, type PlacementProblem } from '../observed.ts';
import { defaultJobOptions, type JobOptions } from '../options.ts';
import { reconcileJob } from '../reconcile-job.ts';

/** How a node behaves. Only what hands in wrong rows deserves to lose trust. */
export type Behaviour =
  'Honest' | 'Cheats' | 'DeliversOther' | 'Fails' | 'Vanishes' | 'NeverOpens' | 'LosesTasks' | 'Blames';

export interface SimulatedNode {
  readonly cluster: string;
  readonly name: string;
  readonly provider: string;
  readonly isTrusted: boolean;
  readonly behaviour: Behaviour;
  readonly price: number;
}

export interface WorldOptions {
  readonly nodes: readonly SimulatedNode[];
  readonly job: InferenceJob;
  readonly model: InferenceModel;
  readonly records: number;
  /** Shared with the ledger; milliseconds since 1970. */
  readonly clock: { now: number };
  readonly ledger: Ledger;
  readonly token: bigint;
  readonly random: () => number;
  /** Chance, now, that the operator dies before an action. */
  readonly crashes: () => number;
  /** Shards whose records no node can run. */
  readonly poisoned: ReadonlySet<number>;
  /** Chance that two honest executions differ a little too much. */
  readonly doubt: number;
}

/** The operator dies here. */
class Crash extends Error {}

const referenceNanoseconds = 1_000_000;
const leastStep = 1000;

/**
 * A hub with members that behave well and badly, in memory, around the real decisions and a real ledger. It does what the
 * shell does, one action at a time, and may lose its memory before each.
 */
export class SimulatedWorld {
  readonly options: WorldOptions;
  readonly limits: JobOptions = { ...defaultJobOptions, maxShardsPerTask: 3 };
  job: InferenceJob;
  memory: JobMemory;
  isGone = false;
  readonly tasks = new Map<number, InferenceTask>();
  readonly quarantined = new Set<string>();
  /** Attempts whose rows are wrong, or not those that were committed to. */
  readonly wrongRows = new Set<number>();
  manifests = 0;
  crashCount = 0;

  constructor(options: WorldOptions) {
    this.options = options;
    this.job = options.job;
    this.memory = new JobMemory(this.job);
  }

  get now(): number {
    return this.options.clock.now;
  }

  /** Decides and acts once, then lets time pass and the edges work. */
  async step(): Promise<void> {
    try {
      const observed = await this.#observe();
      const decision = reconcileJob(observed, this.now);
      for (const action of decision.actions) {
        if (this.options.random() < this.options.crashes()) throw new Crash();
        await this.#execute(action);
      }
      this.job = { ...this.job, status: decision.status };
      const idle =
        decision.actions.length === 0 && decision.wakeAt !== undefined ? decision.wakeAt - this.now : leastStep;
      this.options.clock.now += Math.max(leastStep, idle);
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
      this.crashCount++;
      this.memory = new JobMemory(this.job);
    }
    this.#work();
  }

  async attempts(): Promise<Attempt[]> {
    return groupAttempts(await this.options.ledger.attempts(this.memory.uid));
  }

  async #observe(): Promise<Observed> {
    for (const [attempt, { spec }] of this.tasks) {
      if (spec.acknowledgedAttempt === attempt && !this.memory.challengedAt.has(attempt))
        this.memory.challengedAt.set(attempt, this.now);
    }
    return {
      job: this.job,
      model: this.options.model,
      attempts: await this.attempts(),
      tasks: new Map(this.tasks),
      place: (cluster, node) => ({
        isQuarantined: this.quarantined.has(ledgerNode(cluster, node)),
        clusterUnreachableSince: undefined,
        nodeNotReadySince: undefined,
        evictionHeldUntil: undefined,
      }),
      known: this.memory,
      options: this.limits,
    };
  }

  /** What edges do between two looks of the hub. */
  #work(): void {
    for (const [attempt, task] of this.tasks) {
      const node = this.#nodeOf(task);
      const isPoisoned =
        task.spec.workUID === this.memory.uid &&
        (task.spec.shards ?? []).some(({ index }) => this.options.poisoned.has(index));
      if (task.status?.phase === undefined) {
        if (node.behaviour === 'Vanishes') continue;
        if (node.behaviour === 'LosesTasks' && this.options.random() < 0.5) this.tasks.delete(attempt);
        else this.#report(attempt, { phase: 'Running', attempt });
      } else if (task.status.phase === 'Running') {
        if (node.behaviour === 'Fails')
          this.#report(attempt, { phase: 'Failed', attempt, failure: { class: 'Provider', reason: 'RuntimeCrashed' } });
        else if (isPoisoned || node.behaviour === 'Blames')
          this.#report(attempt, { phase: 'Failed', attempt, failure: { class: 'Input', reason: 'InputRejected' } });
        else this.#report(attempt, { phase: 'Succeeded', attempt, receipt: 'signed' });
      } else if (task.spec.challenge !== undefined && node.behaviour !== 'NeverOpens') {
        const openings = task.spec.challenge.indices.map((index) => ({ index, proof: '' }));
        this.tasks.set(attempt, { ...task, status: { ...task.status, openings } });
      }
    }
  }

  #report(attempt: number, status: NonNullable<InferenceTask['status']>): void {
    const task = this.tasks.get(attempt)!;
    this.tasks.set(attempt, { ...task, status });
  }

  #nodeOf(task: InferenceTask): SimulatedNode {
    return this.options.nodes.find(
      ({ cluster, name }) => edgeNamespace(cluster) === task.metadata.namespace && name === task.spec.nodeName,
    )!;
  }

  async #execute(action: Action): Promise<void> {
    const { ledger, token, random } = this.options;
    const { memory } = this;
    const jobUID = memory.uid;
    switch (action.type) {
      case 'AddFinalizer':
        this.job = { ...this.job, metadata: { ...this.job.metadata, finalizers: [finalizers.settlement] } };
        return;
      case 'RemoveFinalizer':
        this.isGone = true;
        return;
      case 'Admit':
        memory.admission = {
          ok: true,
          input: {
            etag: 'e',
            sizeBytes: 1,
            recordBytes: 4,
            fields: [{ name: 'x', dataType: 'FP32', shape: [1], offset: 0 }],
            records: this.options.records,
            dataOffset: 128,
          },
        };
        return;
      case 'FindManifest':
        memory.restoredManifest = 'None';
        return;
      case 'Place':
        memory.placement = undefined;
        for (const { shards, excludedNodes, excludedProviders } of action.groups) {
          const node =
            this.#choose((one) => !one.isTrusted && !excludedProviders.includes(one.provider), excludedNodes) ??
            this.#choose((one) => !one.isTrusted, excludedNodes);
          if (node === undefined) {
            memory.placement = this.#problem(memory.placement);
            continue;
          }
          const held = shards.map(({ index, records }) => ({ index, records, amount: this.#price(records, node) }));
          if (held.reduce((sum, { amount }) => sum + amount, 0n) > action.available) {
            memory.placement = { ...this.#problem(memory.placement), reason: 'BudgetExhausted' };
            continue;
          }
          await this.#hold(node, { purpose: 'Work', shards: held });
        }
        return;
      case 'PlaceVerification': {
        const needsTrusted = action.needs === 'Trusted';
        const isFit = (one: SimulatedNode): boolean =>
          one.isTrusted === needsTrusted &&
          !action.excludedClusters.includes(one.cluster) &&
          !action.excludedProviders.includes(one.provider);
        const node = this.#choose(isFit, action.excludedNodes);
        if (node === undefined) {
          memory.verificationPlacement.set(action.primary, {
            ...this.#problem(memory.verificationPlacement.get(action.primary)),
            needs: action.needs,
          });
          return;
        }
        const amount = this.#price(action.records, node);
        if (amount > action.available) {
          const problem = { ...this.#problem(undefined), reason: 'BudgetExhausted', needs: action.needs };
          memory.verificationPlacement.set(action.primary, problem);
          return;
        }
        memory.verificationPlacement.delete(action.primary);
        const shards = [{ index: action.primary, records: action.records, amount }];
        await this.#hold(node, {
          purpose: needsTrusted ? 'Reference' : 'Verification',
          verifies: action.primary,
          shards,
        });
        return;
      }
      case 'CreateTask':
        await this.#create(action.attempt);
        return;
      case 'LookUpTask':
        if (!this.tasks.has(action.attempt)) memory.absent.add(action.attempt);
        return;
      case 'WriteSecret':
        memory.secretsWritten.add(action.attempt);
        return;
      case 'CheckReceipt': {
        const attempt = (await this.attempts()).find((one) => one.attempt === action.attempt)!;
        const outputs = attempt.shards.map(({ index }) => ({
          shardIndex: index,
          sha256: 'ab'.repeat(32),
          sizeBytes: 1,
        }));
        memory.receipts.set(action.attempt, { ok: true, leafCount: attempt.records, runtimeClass: 'cpu', outputs });
        return;
      }
      case 'Challenge': {
        const task = this.tasks.get(action.attempt)!;
        const indices =
          action.sample === 'All' ? undefined : Array.from({ length: action.sample }, (_, index) => index);
        const spec = {
          ...task.spec,
          acknowledgedAttempt: action.attempt,
          ...(indices === undefined ? {} : { challenge: { indices } }),
        };
        this.tasks.set(action.attempt, { ...task, spec });
        memory.challengedAt.set(action.attempt, this.now);
        return;
      }
      case 'FetchEvidence': {
        const { behaviour } = this.#nodeOf(this.tasks.get(action.attempt)!);
        if (random() < 0.1)
          memory.evidence.set(action.attempt, { result: 'Unavailable', message: 'storage', retryAt: this.now + 5000 });
        else if (behaviour === 'DeliversOther')
          memory.evidence.set(action.attempt, { result: 'Differs', message: 'not what was signed' });
        else memory.evidence.set(action.attempt, { result: 'Matches' });
        return;
      }
      case 'CheckInput':
        memory.inputNow = 'Same';
        return;
      case 'Compare':
        memory.comparisons.set(comparisonKey(action.reference, action.candidate), {
          result: 'Compared',
          outcomes: [this.#compare(action.reference, action.candidate), 'pass'],
          message: 'compared',
        });
        return;
      case 'Release':
        await ledger.release({
          token,
          jobUID,
          attempt: action.attempt,
          ...(action.outputs === undefined ? {} : { outputs: action.outputs }),
        });
        memory.forgetAttempt(action.attempt);
        return;
      case 'Refund':
        await ledger.refund({ token, jobUID, attempt: action.attempt, reason: action.reason, charged: action.charged });
        memory.forgetAttempt(action.attempt);
        return;
      case 'Quarantine':
        this.quarantined.add(ledgerNode(action.cluster, action.node));
        return;
      case 'DeleteTask':
        this.tasks.delete(action.attempt);
        return;
      case 'RemoveObjects':
        memory.isCleaned = true;
        return;
      case 'WriteManifest':
        this.manifests++;
        memory.manifest = { uri: 's3://b/out/manifest.json', sha256: 'cd'.repeat(32) };
        return;
      case 'Compose': {
        const pending = memory.pending.get(action.attempt)!;
        memory.pending.set(action.attempt, { ...pending, composition: { etag: 'c', dataOffset: 128 } });
        return;
      }
    }
  }

  /** As the scheduler does: exclusions are forgotten oldest first when they leave nobody. */
  #choose(isFit: (node: SimulatedNode) => boolean, excluded: readonly string[]): SimulatedNode | undefined {
    const fit = this.options.nodes.filter(
      (node) => isFit(node) && !this.quarantined.has(ledgerNode(node.cluster, node.name)),
    );
    for (let forgotten = 0; forgotten <= excluded.length; forgotten++) {
      const left = fit.filter(({ cluster, name }) => !excluded.slice(forgotten).includes(ledgerNode(cluster, name)));
      if (left.length > 0) return left[Math.floor(this.options.random() * left.length)];
    }
    return undefined;
  }

  #price(records: number, { price }: SimulatedNode): bigint {
    return amountFor(records, BigInt(referenceNanoseconds), BigInt(price));
  }

  #problem(before: PlacementProblem | undefined): PlacementProblem {
    const explanation = { message: '', nodesEvaluated: 0, resolvable: false, rejects: [], candidates: [] };
    return {
      reason: 'NoNodeFits',
      message: 'none',
      retryAt: this.now + 10_000,
      since: before?.since ?? this.now,
      explanation,
    };
  }

  async #hold(
    node: SimulatedNode,
    terms: Pick<Parameters<Ledger['hold']>[0], 'purpose' | 'shards' | 'verifies'>,
  ): Promise<void> {
    const { ledger, token, random } = this.options;
    const attempt = (await ledger.highestAttempt(this.memory.uid)) + 1;
    const namespace = this.job.metadata.namespace!;
    const at = ledgerNode(node.cluster, node.name);
    await ledger.hold({
      token,
      namespace,
      jobUID: this.memory.uid,
      attempt,
      provider: node.provider,
      node: at,
      ...terms,
    });
    const binding = {
      cluster: node.cluster,
      node: node.name,
      provider: node.provider,
      deviceUuid: 'd',
      executionProvider: 'CPU',
      price: node.price,
      predictedMilliseconds: 1,
    };
    this.memory.pending.set(attempt, { binding, composition: terms.purpose === 'Work' ? 'None' : 'Needed' });
    if (node.behaviour === 'Cheats' && random() < 0.7) this.wrongRows.add(attempt);
  }

  async #create(attempt: number): Promise<void> {
    const { binding } = this.memory.pending.get(attempt)!;
    const { purpose, shards } = (await this.attempts()).find((one) => one.attempt === attempt)!;
    const workUID = purpose === 'Work' ? this.memory.uid : `verification-${attempt}`;
    if (!this.tasks.has(attempt)) {
      this.tasks.set(attempt, {
        apiVersion: 'isochrone.dev/v1alpha1',
        kind: 'InferenceTask',
        metadata: { name: `task-${attempt}`, namespace: edgeNamespace(binding.cluster), uid: `uid-${attempt}` },
        spec: {
          type: 'Batch',
          workUID,
          attempt,
          nodeName: binding.node,
          deviceUUID: 'd',
          executionProvider: 'CPU',
          timeoutSeconds: 600,
          storageSecretName: 's',
          model: {
            sha256: 'a'.repeat(64),
            sizeBytes: 1,
            numericProfile: 'FP32Strict',
            maxBatchSize: 1,
            deviceMemory: '1Gi',
          },
          shards: shards.map(({ index, records }) => ({ index, firstRecord: 0, records })),
        },
      });
    }
    this.memory.pending.delete(attempt);
  }

  #compare(reference: number, candidate: number): Outcome {
    const wrong = Number(this.wrongRows.has(reference)) + Number(this.wrongRows.has(candidate));
    if (wrong > 0) return 'fail';
    return this.options.random() < this.options.doubt ? 'inconclusive' : 'pass';
  }
}
