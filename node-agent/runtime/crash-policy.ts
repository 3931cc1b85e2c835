/** What the agent remembers of a model whose runtime process has crashed. Moments are monotonic milliseconds. */
export interface CrashRecord {
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
 * A crash more. Delays double; the third crash without a success in between puts the model into quarantine, after which it gets
 * one try before the next.
 */
export function recordCrash(previous: CrashRecord | undefined, reason: string, now: number): CrashRecord {
  const crashes = (previous?.crashes ?? 0) + 1;
  return {
    crashes,
    retryAt: now + Math.min(longestDelay, firstDelay * 2 ** (crashes - 1)),
    quarantinedUntil: crashes >= crashesToQuarantine ? now + quarantineMilliseconds : undefined,
    reason,
  };
}

export function isQuarantined(
  record: CrashRecord | undefined,
  now: number,
): record is CrashRecord & { quarantinedUntil: number } {
  return record?.quarantinedUntil !== undefined && now < record.quarantinedUntil;
}
