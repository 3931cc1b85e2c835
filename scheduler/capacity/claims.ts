import type { Clock } from '@isochrone/kube';
import type { TaskRequest } from '../framework/request.ts';
import type { TaskFacts } from '../table/facts.ts';
import { deviceKey } from '../table/node-table.ts';

/** Where an attempt was bound. */
export interface Claim {
  readonly workUid: string;
  readonly attempt: number;
  readonly cluster: string;
  readonly node: string;
  readonly deviceUuid: string;
  readonly executionProvider: string;
  readonly memoryBytes: number;
  /** What was asked for; absent for a task: it runs there, whatever is asked. */
  readonly request?: TaskRequest;
  /** What was decided; absent for a task that this process did not place. */
  readonly decided?: { readonly provider: string; readonly price: number; readonly predictedMilliseconds: number };
}

/** Receives each change of what is in use on a device. */
export interface UsageSink {
  addUsage(deviceKey: string, slots: number, memoryBytes: number): void;
}

export interface ClaimsOptions {
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly assumeMilliseconds: number;
  readonly usage: UsageSink;
}

/**
 * Who holds capacity: assumptions of this process, which expire unless a task confirms them, and the tasks that the API
 * server shows, which are facts. After a restart the tasks alone rebuild it. Each claim is deducted exactly once.
 */
export class Claims {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #assumeMilliseconds: number;
  readonly #usage: UsageSink;
  /** Insertion order is order of expiry, because all live equally long. */
  #assumed = new Map<string, { readonly claim: Claim; readonly expiresAt: number }>();
  /** Key of the task object → its claim. */
  readonly #tasks = new Map<string, Claim>();
  /** Key of the attempt → its task's claim. */
  readonly #running = new Map<string, Claim>();
  #expired = 0;

  constructor({ clock, assumeMilliseconds, usage }: ClaimsOptions) {
    this.#clock = clock;
    this.#assumeMilliseconds = assumeMilliseconds;
    this.#usage = usage;
  }

  get assumed(): number {
    return this.#assumed.size;
  }
  get confirmed(): number {
    return this.#tasks.size;
  }
  /** Assumptions that ran out since the start. */
  get expired(): number {
    return this.#expired;
  }

  find(workUid: string, attempt: number): Claim | undefined {
    const key = attemptKey(workUid, attempt);
    return this.#assumed.get(key)?.claim ?? this.#running.get(key);
  }

  /** The caller has asked {@link find} first: an attempt holds capacity once. */
  assume(claim: Claim): void {
    const expiresAt = this.#clock.monotonic() + this.#assumeMilliseconds;
    this.#assumed.set(attemptKey(claim.workUid, claim.attempt), { claim, expiresAt });
    this.#deduct(claim, 1);
  }

  /** Gives an assumption back; a confirmed claim stays. */
  withdraw(workUid: string, attempt: number): void {
    this.#dropAssumption(attemptKey(workUid, attempt));
  }

  /** Lets a decision assume and withdraw as it would, and puts every assumption back as it was. */
  rehearse<T>(decide: () => T): T {
    const before = new Map(this.#assumed);
    try {
      return decide();
    } finally {
      for (const [key, assumption] of this.#assumed)
        if (before.get(key) !== assumption) this.#deduct(assumption.claim, -1);
      for (const [key, assumption] of before)
        if (this.#assumed.get(key) !== assumption) this.#deduct(assumption.claim, 1);
      this.#assumed = before;
    }
  }

  /** Gives back the assumptions whose time is over. */
  expire(): void {
    const now = this.#clock.monotonic();
    for (const [key, { expiresAt }] of this.#assumed) {
      if (expiresAt > now) break;
      this.#dropAssumption(key);
      this.#expired++;
    }
  }

  /** A task as the API server shows it now. Its claim takes the place of the assumption, wherever that was. */
  observe(taskKey: string, task: TaskFacts): void {
    const key = attemptKey(task.workUid, task.attempt);
    const decided = this.#decided(key, task);
    this.#dropAssumption(key);
    this.forget(taskKey);
    if (task.finished) return;
    const { workUid, attempt, cluster, node, deviceUuid, executionProvider, memoryBytes } = task;
    const claim: Claim = {
      ...{ workUid, attempt, cluster, node, deviceUuid, executionProvider, memoryBytes },
      ...(decided && { decided }),
    };
    this.#tasks.set(taskKey, claim);
    this.#running.set(key, claim);
    this.#deduct(claim, 1);
  }

  /** The task object is gone. */
  forget(taskKey: string): void {
    const claim = this.#tasks.get(taskKey);
    if (claim === undefined) return;
    this.#tasks.delete(taskKey);
    const key = attemptKey(claim.workUid, claim.attempt);
    if (this.#running.get(key) === claim) this.#running.delete(key);
    this.#deduct(claim, -1);
  }

  /** Price and prediction are known where the task runs where this process had put it. */
  #decided(key: string, task: TaskFacts): Claim['decided'] {
    const known = this.#assumed.get(key)?.claim ?? this.#running.get(key);
    return known?.cluster === task.cluster && known.node === task.node ? known.decided : undefined;
  }

  #dropAssumption(key: string): void {
    const assumption = this.#assumed.get(key);
    if (assumption === undefined) return;
    this.#assumed.delete(key);
    this.#deduct(assumption.claim, -1);
  }

  #deduct({ cluster, node, deviceUuid, memoryBytes }: Claim, sign: 1 | -1): void {
    this.#usage.addUsage(deviceKey(cluster, node, deviceUuid), sign, sign * memoryBytes);
  }
}

function attemptKey(workUid: string, attempt: number): string {
  return `${workUid}/${attempt}`;
}
