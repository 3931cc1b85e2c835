import { readFileSync, readdirSync } from 'node:fs';

/** Processes whose parent is `parent`, by Linux' /proc. */
export function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => statusOf(pid)?.includes(`\nPPid:\t${parent}\n`) === true);
}

/** Gone, or dead and not yet waited for. */
export function isDead(pid: number): boolean {
  const status = statusOf(pid);
  return status === undefined || status.includes('\nState:\tZ');
}

function statusOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
