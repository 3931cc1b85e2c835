import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Runs `action` while no other process runs one under the same lock file. SQLite's lock is the kernel's: it falls when its
 * holder dies in whatever way, so there is no stale lock to judge.
 * @param onWait called once when another process holds it.
 * @param signal ends the wait for the lock, with its reason
 */
export async function withLock<T>(
  file: string,
  onWait: () => void,
  action: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  using database = new DatabaseSync(file, { timeout: 0 });
  for (let attempt = 0; !tryLock(database); attempt += 1) {
    if (attempt === 0) onWait();
    await delay(200, undefined, signal === undefined ? {} : { signal });
  }
  return await action();
}

function tryLock(database: DatabaseSync): boolean {
  const busy = 5; // SQLITE_BUSY
  try {
    database.exec('BEGIN EXCLUSIVE');
    return true;
  } catch (error) {
    if ((error as { errcode?: number }).errcode !== busy) throw error;
    return false;
  }
}
