export { isDumpRow } from './dump.ts';
export type { DumpRow } from './dump.ts';
export { LedgerError, isLedgerUnavailable, ledgerErrors } from './errors.ts';
export type { LedgerErrorCode } from './errors.ts';
export type {
  AttemptKey,
  AttemptRecord,
  DeliveredOutput,
  Entry,
  Fenced,
  HeldAttempt,
  HeldShard,
  HoldRequest,
  HoldState,
  Ledger,
  NamespaceAccount,
  PostingKind,
  Purpose,
  Receipt,
  Restoration,
  RefundRequest,
  ReleaseRequest,
} from './ledger.ts';
export { MAX_MONEY, amountFor, formatMoney, parseMoney } from './money.ts';
export { isPostgres, openLedger } from './open-ledger.ts';
export type { LedgerOptions } from './open-ledger.ts';
