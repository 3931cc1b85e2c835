import { mkdtempSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const enough = 1024 ** 3;

/** Makes a folder for throwaway data: in memory where 1 GiB of it is free (etcd then never waits for a disk). */
export async function makeScratchFolder(name: string, parent?: string): Promise<string> {
  return mkdtempSync(join(parent ?? (await scratchParent()), `isochrone-${name}-`));
}

async function scratchParent(): Promise<string> {
  const memory = '/dev/shm';
  try {
    const { bavail, bsize } = await statfs(memory);
    return bavail * bsize >= enough ? memory : tmpdir();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return tmpdir(); // not Linux
  }
}
