import { createHmac } from 'node:crypto';
import type { AttemptRecord } from '@isochrone/ledger';

export interface TaskIdentity {
  readonly workUID: string;
  /** Of the task and of its storage Secret. */
  readonly name: string;
}

/**
 * How the task of an attempt is called. Re-execution gets a work UID of its own that looks random, so that nothing in a task
 * tells it from ordinary work; being derived from what the ledger keeps, it is found again after a crash. An attempt number
 * that found no funds is used again for another demand: what is re-executed, and what for, is part of the UID, so that no
 * answer to the one is taken for an answer to the other.
 * @param key secret of the operator
 */
export function taskIdentity(
  key: Uint8Array,
  jobUID: string,
  { attempt, purpose, verifies }: Pick<AttemptRecord, 'attempt' | 'purpose' | 'verifies'>,
): TaskIdentity {
  const workUID =
    purpose === 'Work' ? jobUID : derivedUUID(key, `work/${jobUID}/${attempt}/${purpose}/${verifies ?? 0}`);
  const name = createHmac('sha256', key).update(`task/${workUID}/${attempt}`).digest('hex').slice(0, 24);
  return { workUID, name: `task-${name}` };
}

/** A UUID of version 4 (RFC 9562 §5.4) whose random bits are an HMAC. */
function derivedUUID(key: Uint8Array, message: string): string {
  const bytes = createHmac('sha256', key).update(message).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
