import { isDeepStrictEqual } from 'node:util';
import {
  inferenceNodeResource,
  type InferenceNode,
  type InferenceNodeSpec,
  type InferenceNodeStatus,
} from '@isochrone/api';
import { ApiError, setCondition, type ApiClient, type Clock, type Condition } from '@isochrone/kube';
import { AgentError } from '../errors.ts';

export interface NodeObservation {
  readonly models: NonNullable<InferenceNodeStatus['models']>;
  readonly runningTasks: number;
  /** Undefined when the agent is ready, else why it is not. */
  readonly notReady: string | undefined;
}

/** The InferenceNode on the member: what this agent claims. Written only when it differs. */
export class NodeObject {
  readonly #client: ApiClient;
  readonly #clock: Clock;
  readonly #ref: { namespace: string; name: string };
  readonly #spec: InferenceNodeSpec;

  constructor(client: ApiClient, clock: Clock, ref: { namespace: string; name: string }, spec: InferenceNodeSpec) {
    this.#client = client;
    this.#clock = clock;
    this.#ref = ref;
    this.#spec = spec;
  }

  /** @throws AgentError NODE_REFUSED when the object has another node's key; ApiError */
  async write(observation: NodeObservation, signal: AbortSignal): Promise<void> {
    const node = await this.#writeSpec(signal);
    const status = nodeStatus(node, observation, this.#clock.now());
    if (status === node.status) return;
    await this.#client.mergePatch(inferenceNodeResource, this.#ref, { status }, { subresource: 'status', signal });
  }

  async #writeSpec(signal: AbortSignal): Promise<InferenceNode> {
    const found = await this.#client.find(inferenceNodeResource, this.#ref, { signal });
    if (found === undefined) {
      return this.#client.create(
        inferenceNodeResource,
        { apiVersion: 'isochrone.dev/v1alpha1', kind: 'InferenceNode', metadata: this.#ref, spec: this.#spec },
        { signal },
      );
    }
    if (found.spec.publicKey !== this.#spec.publicKey) {
      const message = `InferenceNode ${this.#ref.name} has the key ${found.spec.publicKey}, this node's is ${this.#spec.publicKey}; restore the sidecar's state, or delete the object to join as a new node`;
      throw new AgentError('NODE_REFUSED', message);
    }
    const { inventory, ask } = this.#spec;
    if (isDeepStrictEqual({ inventory: found.spec.inventory, ask: found.spec.ask }, { inventory, ask })) return found;
    try {
      return await this.#client.mergePatch(inferenceNodeResource, this.#ref, { spec: { inventory, ask } }, { signal });
    } catch (error) {
      if (error instanceof ApiError && error.isInvalid)
        throw new AgentError('NODE_REFUSED', error.message, { cause: error });
      throw error;
    }
  }
}

/** The status that is due; the very object that the node has when nothing is to be written. */
export function nodeStatus(
  node: InferenceNode,
  { models, runningTasks, notReady }: NodeObservation,
  now: number,
): InferenceNodeStatus {
  const generation = node.metadata.generation ?? 0;
  const condition = {
    type: 'Ready',
    status: notReady === undefined ? ('True' as const) : ('False' as const),
    reason: notReady === undefined ? 'AgentReady' : 'AgentNotReady',
    message: notReady ?? 'hardware and verifier sidecar are known, tasks are taken',
    observedGeneration: generation,
  };
  const conditions = setCondition(node.status?.conditions, condition, now) as Condition[];
  const status = { observedGeneration: generation, models: [...models], runningTasks, conditions };
  return node.status !== undefined && isDeepStrictEqual(node.status, status) ? node.status : status;
}
