import { createHmac } from 'node:crypto';
import type { Purpose } from '@isochrone/ledger';

export interface TaskIdentity {
  readonly workUID: string;
  /** Of the task and of its storage Secret. */
  readonly name: string;
}

/**
 * How the task of an attempt is called. Re-execution gets a work UID of its own that looks random, so that nothing in a task
 * tells it from ordinary work; being derived, it is found again after a crash.
 * @param key secret of the operator
 */
export function taskIdentity(key: Uint8Array, jobUID: string, attempt: number, purpose: Purpose): TaskIdentity {
  const workUID = purpose === 'Work' ? jobUID : derivedUUID(key, `work/${jobUID}/${attempt}`);
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
