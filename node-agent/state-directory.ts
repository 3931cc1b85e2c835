import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { AgentError } from './errors.ts';

/**
 * A database in the state directory that this process alone has open. SQLite's lock is the kernel's: it is gone with the process,
 * however that ends, so that it doubles as the lock of the whole directory.
 * @throws AgentError STATE_DIRECTORY_LOCKED, STATE_INVALID
 */
export function openStateDatabase(directory: string, name: string, schema: string): DatabaseSync {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, name);
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    // FULL: a commit that returned is on the disk.
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
    database.exec(`BEGIN EXCLUSIVE; ${schema}; COMMIT;`);
    return database;
  } catch (cause) {
    database.close();
    const { errcode } = cause as { errcode?: number };
    const busy = 5;
    const locked = 6;
    if (errcode !== undefined && [busy, locked].includes(errcode & 0xff)) {
      throw new AgentError(
        'STATE_DIRECTORY_LOCKED',
        `another process works in ${directory}; give each its own state directory`,
        { cause },
      );
    }
    throw new AgentError(
      'STATE_INVALID',
      `${path} cannot be opened: ${(cause as Error).message}; move it away if it is lost`,
      { cause },
    );
  }
}
