/** What the agent remembers of a model whose runtime process has ended by itself or was killed. Moments are monotonic milliseconds. */
export interface CrashRecord {
  /** In a row. */
  readonly ends: number;
  /** Those of them that were the model's doing. */
  readonly crashes: number;
  /** Not started again before. */
  readonly retryAt: number;
  /** Set once it has crashed too often in a row: no task with the model is begun before. */
  readonly quarantinedUntil: number | undefined;
  readonly reason: string;
}

const firstDelay = 500;
const longestDelay = 30_000;
const crashesToQuarantine = 3;
const quarantineMilliseconds = 600_000;

/**
 * An end more. Delays double; the third crash without a success in between puts the model into quarantine, after which it gets
 * one try before the next. A process that was killed by somebody says nothing of its model.
 */
export function recordCrash(
  previous: CrashRecord | undefined,
  end: { readonly reason: string; readonly killed: boolean },
  now: number,
): CrashRecord {
  const ends = (previous?.ends ?? 0) + 1;
  const crashes = (previous?.crashes ?? 0) + (end.killed ? 0 : 1);
  return {
    ends,
    crashes,
    retryAt: now + Math.min(longestDelay, firstDelay * 2 ** (ends - 1)),
    quarantinedUntil: !end.killed && crashes >= crashesToQuarantine ? now + quarantineMilliseconds : undefined,
    reason: end.reason,
  };
}

export function isQuarantined(
  record: CrashRecord | undefined,
  now: number,
): record is CrashRecord & { quarantinedUntil: number } {
  return record?.quarantinedUntil !== undefined && now < record.quarantinedUntil;
}
