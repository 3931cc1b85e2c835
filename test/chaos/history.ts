import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';

/** What a run was started with: enough to begin the same run again. */
export interface RunEntry {
  readonly kind: 'Run';
  readonly seed: number;
  readonly options: Readonly<Record<string, string | number>>;
}

/** Something that the test did to the federation. */
export interface FaultEntry {
  readonly kind: 'Fault';
  readonly fault: string;
  readonly phase: 'Injected' | 'Healed';
}

export interface JobFacts {
  /** Under which the ledger and stored objects know it. */
  readonly uid: string;
  readonly phase?: string;
  /** Known once it is admitted. */
  readonly shards?: number;
  /** SHA-256 that its status gives the manifest. */
  readonly manifest?: string;
  /** Somebody deleted it: it need not end. */
  readonly isDeleted?: true;
}

export interface TaskFacts {
  readonly attempt: number;
  readonly phase?: string;
  readonly acknowledgedAttempt?: number;
}

/** A transition of a watched object. One that was replaced while no watch was open is Modified, with another UID. */
export interface ObjectEntry {
  readonly kind: 'Object';
  /** `hub`, or the member that was asked. */
  readonly cluster: string;
  readonly change: 'Added' | 'Modified' | 'Deleted';
  readonly resource: 'InferenceJob' | 'InferenceTask' | 'Secret';
  /** namespace/name */
  readonly name: string;
  readonly uid: string;
  readonly job?: JobFacts;
  readonly task?: TaskFacts;
}

/** One shard of one attempt, as the ledger has it since it was last looked at. */
export interface ShardEntry {
  readonly kind: 'Shard';
  readonly jobUID: string;
  readonly attempt: number;
  readonly shard: number;
  readonly purpose: string;
  readonly state: 'Held' | 'Released' | 'Refunded';
  readonly provider: string;
  /** Micro-currency, decimal, as all amounts here. */
  readonly amount: string;
}

/** One line of a posting. Postings are numbered in the order in which they were made. */
export interface PostingEntry {
  readonly kind: 'Posting';
  readonly posting: number;
  readonly posted: 'Deposit' | 'Hold' | 'Release' | 'Refund';
  readonly account: string;
  /** Positive is money in. */
  readonly amount: string;
  /** `<job UID>/<attempt>`; of a deposit its key. */
  readonly reference: string;
}

/** A reader looked at the manifest of a job and saw this. */
export interface ManifestEntry {
  readonly kind: 'Manifest';
  readonly jobUID: string;
  readonly sha256: string;
  readonly shards: readonly { readonly index: number; readonly attempt: number; readonly path: string }[];
}

/** A reader looked at an object that a manifest names. */
export interface OutputEntry {
  readonly kind: 'Output';
  readonly jobUID: string;
  readonly path: string;
  readonly sha256: string;
}

/** Nothing disturbs any more and all work is over: now everything must be in order. */
export interface QuietEntry {
  readonly kind: 'Quiet';
  /** By account. */
  readonly balances: Readonly<Record<string, string>>;
}

export type HistoryEntry = (
  RunEntry | FaultEntry | ObjectEntry | ShardEntry | PostingEntry | ManifestEntry | OutputEntry | QuietEntry
) & {
  /** Milliseconds since 1970 when it was seen, for people: nothing is decided by it. */
  readonly at: number;
};

type Unstamped<T> = T extends unknown ? Omit<T, 'at'> : never;

/** A history that grows, in memory and as JSON lines in a file, which has every entry also when this process is killed. */
export class History {
  readonly #entries: HistoryEntry[] = [];
  readonly #file: string | undefined;
  readonly #now: () => number;

  constructor(now: () => number, file?: string) {
    this.#now = now;
    this.#file = file;
    if (file !== undefined) writeFileSync(file, '');
  }

  get entries(): readonly HistoryEntry[] {
    return this.#entries;
  }

  add(entry: Unstamped<HistoryEntry>): void {
    const stamped = { at: this.#now(), ...entry } as HistoryEntry;
    this.#entries.push(stamped);
    if (this.#file !== undefined) appendFileSync(this.#file, `${JSON.stringify(stamped)}\n`);
  }
}

/** @throws Error naming the line that is no entry */
export function readHistory(file: string): HistoryEntry[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line, index) => {
      try {
        return JSON.parse(line) as HistoryEntry;
      } catch (cause) {
        throw new Error(`${file}, line ${index + 1}: no JSON; it was not written by the recorder`, { cause });
      }
    });
}
