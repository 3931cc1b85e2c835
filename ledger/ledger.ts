import type { DumpRow } from './dump.ts';

/**
 * Why a node is paid. Work is paid once per shard of a job; a re-execution of it, by a peer (Verification) or by a trusted
 * node (Reference), once per attempt.
 */
export type Purpose = 'Work' | 'Verification' | 'Reference';

export type HoldState = 'Held' | 'Released' | 'Refunded';

/** Money in micro-currency (10⁻⁶), always bigint. Times in milliseconds since 1970. */
export interface HeldShard {
  readonly index: number;
  readonly records: number;
  readonly amount: bigint;
}

/** Proof of leadership: an operation with a token older than the newest is refused with STALE_LEADER. */
export interface Fenced {
  readonly token: bigint;
}

export interface HoldRequest extends Fenced {
  readonly namespace: string;
  readonly jobUID: string;
  /** Above every attempt the job ever had; from 1. */
  readonly attempt: number;
  readonly provider: string;
  readonly node: string;
  readonly purpose: Purpose;
  /** The attempt of the job that is re-executed; never for Work. */
  readonly verifies?: number;
  /** At least one; each index once. */
  readonly shards: readonly HeldShard[];
}

export interface AttemptKey {
  readonly jobUID: string;
  readonly attempt: number;
}

export interface RefundRequest extends Fenced, AttemptKey {
  readonly reason: string;
  /** Whether the failure counts against the job's backoffLimitPerShard. */
  readonly charged: boolean;
}

/** A delivered object that was verified and is paid for. */
export interface DeliveredOutput {
  /** Lower-case hexadecimal. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

export interface ReleaseRequest extends Fenced, AttemptKey {
  /** What is paid for, kept with the payment: every shard of the attempt once. Only for Work. */
  readonly outputs?: readonly (DeliveredOutput & { readonly shardIndex: number })[];
}

/** One shard of one attempt, for history. */
export interface AttemptRecord extends AttemptKey {
  readonly shardIndex: number;
  readonly namespace: string;
  readonly provider: string;
  readonly node: string;
  readonly purpose: Purpose;
  readonly verifies: number | undefined;
  readonly records: number;
  readonly amount: bigint;
  readonly state: HoldState;
  /** Given with the release. */
  readonly output: DeliveredOutput | undefined;
  /** Why it was refunded; undefined otherwise. */
  readonly reason: string | undefined;
  /** True only for a refund that counts against backoffLimitPerShard. */
  readonly charged: boolean;
  readonly heldAt: number;
  readonly settledAt: number | undefined;
}

/** An open hold, for a restart. */
export interface HeldAttempt extends AttemptKey {
  readonly namespace: string;
  readonly provider: string;
  readonly node: string;
  readonly purpose: Purpose;
  readonly verifies: number | undefined;
  readonly heldAt: number;
  readonly shards: readonly HeldShard[];
}

export type PostingKind = 'Deposit' | 'Hold' | 'Release' | 'Refund';

/** One line of a posting, seen from an account: positive is money in. */
export interface Entry {
  readonly posting: bigint;
  readonly kind: PostingKind;
  readonly amount: bigint;
  /** The job and attempt of a hold, release or refund; the idempotency key of a deposit. */
  readonly reference: string;
  readonly at: number;
}

export interface NamespaceAccount {
  readonly balance: bigint;
  readonly held: bigint;
  /** Released to providers, ever. */
  readonly spent: bigint;
}

export interface Receipt {
  /** Name of the node's key, as the caller writes digests. */
  readonly nodeKey: string;
  readonly sequence: number;
  readonly digest: string;
}

export interface Restoration {
  /** Digest of the backup. */
  readonly source: string;
  /** As `export` gave them, in that order. */
  readonly rows: AsyncIterable<DumpRow>;
}

/**
 * Double-entry settlement: hold before the task exists, then release once per shard or refund. Accounts: `external`,
 * `hold`, `namespace/<name>`, `provider/<name>`. Every method may reject with LedgerError ARGUMENT_INVALID; mutating ones
 * with LEDGER_BUSY and, where they take a token, STALE_LEADER.
 */
export interface Ledger {
  /** A fencing token above every earlier one. */
  acquireLeadership(holder: string): Promise<bigint>;

  /** Money from outside into a namespace. The same key again changes nothing. @throws IDEMPOTENCY_CONFLICT */
  deposit(request: {
    readonly namespace: string;
    readonly amount: bigint;
    readonly idempotencyKey: string;
  }): Promise<{ posting: bigint; replayed: boolean }>;

  /** Reserves the pay of one attempt: all shards or none. @throws INSUFFICIENT_FUNDS, STALE_ATTEMPT, SHARD_ALREADY_RELEASED (Work), IDEMPOTENCY_CONFLICT (the attempt was held with other terms) */
  hold(request: HoldRequest): Promise<'held' | 'replayed'>;

  /** Pays the provider for every shard of the attempt, or for none. @throws ATTEMPT_UNKNOWN, ATTEMPT_REFUNDED, SHARD_ALREADY_RELEASED */
  release(request: ReleaseRequest): Promise<'released' | 'replayed'>;

  /** Gives the hold back to the namespace. A replay keeps the first reason. @throws ATTEMPT_UNKNOWN, ATTEMPT_RELEASED */
  refund(request: RefundRequest): Promise<'refunded' | 'replayed'>;

  /** 0 for a job never seen, unless the books were restored: then what it may have had that they do not know. */
  highestAttempt(jobUID: string): Promise<number>;
  /** By attempt, then shard; of one attempt only if it is given. */
  attempts(jobUID: string, attempt?: number): Promise<AttemptRecord[]>;
  heldAttempts(): Promise<HeldAttempt[]>;

  /** Remembers a signed receipt for good. @throws EQUIVOCATION naming both digests */
  recordReceipt(request: Fenced & Receipt): Promise<'recorded' | 'replayed'>;

  /** 0 for an account never used. */
  balance(account: string): Promise<bigint>;
  namespaceAccount(namespace: string): Promise<NamespaceAccount>;
  /** Newest first; `before` is the posting number where the last page ended. */
  statement(account: string, page: { readonly limit: number; readonly before?: bigint }): Promise<Entry[]>;

  /** Gives all rows, of one moment, while others write on. */
  export(write: (row: DumpRow) => Promise<void>): Promise<void>;

  /**
   * Makes these the books, all or nothing, in books that have no entries. Fencing tokens and attempts go on above all that
   * were ever given out, also after the backup was made. The same backup again changes nothing.
   * @throws LEDGER_NOT_EMPTY, DUMP_INVALID, LEDGER_CORRUPT
   */
  restore(restoration: Restoration): Promise<'restored' | 'replayed'>;

  /** Proves the invariants over all rows. @throws LEDGER_CORRUPT naming the posting, attempt or account */
  check(): Promise<void>;
  close(): Promise<void>;
}
