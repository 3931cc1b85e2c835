import { isDeepStrictEqual } from 'node:util';
import type { Claim, Claims } from './capacity/claims.ts';
import { explain, type Explanation } from './framework/explanation.ts';
import type { Binding, Decision, Plugin } from './framework/plugin.ts';
import { referenceSeconds, type AttemptKey, type TaskRequest } from './framework/request.ts';
import { scan, type ScanOptions, type ScanResult, type ScoredCandidate } from './framework/scan.ts';
import { allPlugins } from './plugins/index.ts';
import { choicesByMask } from './table/execution-providers.ts';
import type { Fleet } from './table/fleet.ts';

/** What became of one request; the shape of Placement in proto/isochrone/v1alpha1/scheduler.proto. */
export interface Placement {
  readonly workUid: string;
  readonly attempt: number;
  /** Repeated: the attempt holds capacity already. For metrics; not sent. */
  readonly outcome: 'scheduled' | 'unschedulable' | 'repeated';
  /** Absent when no node fits. */
  readonly binding?: Binding;
  readonly explanation: Explanation & { readonly candidates: readonly CandidateView[] };
}

export interface CandidateView {
  readonly cluster: string;
  readonly node: string;
  readonly predictedMilliseconds: number;
  /** Micro-currency for the whole task. */
  readonly price: number;
  readonly scores: readonly { readonly plugin: string; readonly micros: number }[];
}

export interface SchedulerOptions extends ScanOptions {
  readonly fleet: Fleet;
  readonly claims: Claims;
}

/** Binds tasks to devices. Every method is synchronous: what one decision takes the next one sees. */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #plugins: readonly Plugin[];

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#plugins = allPlugins(options.claims);
  }

  /**
   * Binds and assumes, or says why not. The same attempt gets the same binding while its task runs, and before that as
   * long as the request is the same and the node still fits; otherwise what it held is given back and decided anew.
   */
  place(request: TaskRequest): Placement {
    this.#options.claims.expire();
    return this.#decide(request);
  }

  /** Decides the batch as one {@link place} after the other would, and takes nothing. */
  explain(requests: readonly TaskRequest[]): Placement[] {
    const { claims } = this.#options;
    claims.expire();
    return claims.rehearse(() => requests.map((request) => this.#decide(request)));
  }

  /** Gives back what an attempt was bound to and will not use. Idempotent; what a task holds stays. */
  withdraw(key: AttemptKey): void {
    for (const plugin of this.#plugins) plugin.unreserve?.(key);
  }

  #decide(request: TaskRequest): Placement {
    const known = this.#options.claims.find(request.workUid, request.attempt);
    if (known !== undefined && this.#stands(known, request)) return this.#repeat(known);
    this.withdraw(request);
    const result = scan(this.#plugins, this.#decision(request), this.#options);
    const [best] = result.candidates;
    const binding = best && this.#binding(best, request);
    if (binding !== undefined) for (const plugin of this.#plugins) plugin.reserve?.(binding, request);
    return this.#placement(request, result, binding);
  }

  /** A task is a fact. An assumption answers only the request that it was made for, and only while its node would do. */
  #stands({ request: asked, cluster, node, deviceUuid }: Claim, request: TaskRequest): boolean {
    if (asked === undefined) return true;
    const row = this.#options.fleet.table.rowOf(cluster, node, deviceUuid);
    if (row === undefined || !isDeepStrictEqual(asked, request)) return false;
    const decision = this.#decision(request);
    return this.#plugins.every(
      (plugin) => plugin.reserve !== undefined || (plugin.prepare(decision).filter?.test(row) ?? 0) === 0,
    );
  }

  #decision(request: TaskRequest): Decision {
    const { fleet } = this.#options;
    return { request, fleet, columns: fleet.table.columns, choices: choicesByMask(request.executionProviders) };
  }

  #binding({ row, milliseconds }: ScoredCandidate, request: TaskRequest): Binding {
    const { table } = this.#options.fleet;
    const { columns } = table;
    return {
      ...this.#nodeOf(row),
      provider: table.providers.nameOf(columns.provider[row]!),
      deviceUuid: table.deviceUuid(row),
      executionProvider: choicesByMask(request.executionProviders)[columns.executionProviders[row]!]!,
      price: columns.price[row]!,
      predictedMilliseconds: Math.ceil(milliseconds),
    };
  }

  #placement(request: TaskRequest, result: ScanResult, binding: Binding | undefined): Placement {
    const { workUid, attempt } = request;
    const thousands = referenceSeconds(request) / 1000;
    const candidates = result.candidates.map(({ row, milliseconds, parts }) => ({
      ...this.#nodeOf(row),
      predictedMilliseconds: Math.ceil(milliseconds),
      price: Math.ceil(this.#options.fleet.table.columns.price[row]! * thousands),
      scores: parts.map(({ plugin, micros }) => ({ plugin, micros: Math.round(micros) })),
    }));
    return {
      workUid,
      attempt,
      outcome: binding === undefined ? 'unschedulable' : 'scheduled',
      ...(binding && { binding }),
      explanation: { ...explain(result), candidates },
    };
  }

  /** The answer to an attempt that holds capacity already. */
  #repeat(claim: Claim): Placement {
    const { workUid, attempt, cluster, node, deviceUuid, executionProvider } = claim;
    const decided = claim.decided ?? this.#currentTerms(claim);
    const where = `${cluster}/${node}`;
    const message =
      decided === undefined
        ? `attempt ${attempt} runs on ${where}, which is no longer in the fleet; place a new attempt`
        : `attempt ${attempt} is bound to ${where} already`;
    return {
      workUid,
      attempt,
      outcome: 'repeated',
      ...(decided && { binding: { cluster, node, deviceUuid, executionProvider, ...decided } }),
      explanation: { message, nodesEvaluated: 0, resolvable: decided !== undefined, rejects: [], candidates: [] },
    };
  }

  /** Terms of a task that was placed before this process started: its node's of today. The ledger has what was agreed. */
  #currentTerms({ cluster, node, deviceUuid }: Claim): Claim['decided'] {
    const { table } = this.#options.fleet;
    const row = table.rowOf(cluster, node, deviceUuid);
    if (row === undefined) return undefined;
    const provider = table.providers.nameOf(table.columns.provider[row]!);
    return { provider, price: table.columns.price[row]!, predictedMilliseconds: 0 };
  }

  #nodeOf(row: number): { cluster: string; node: string } {
    const { table } = this.#options.fleet;
    const { cluster, node } = table.columns;
    return { cluster: table.clusters.nameOf(cluster[row]!), node: table.nodeName(node[row]!) };
  }
}
