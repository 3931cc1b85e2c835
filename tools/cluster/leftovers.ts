import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { command } from '../images/command.ts';
import { eventually } from '../local/eventually.ts';
import { nodeEnvironment, recordOf, type ClusterLayout } from './layout.ts';

export const nodeScript = join(import.meta.dirname, 'node.sh');

/** How long a run whose parent was killed may clean up after itself. */
const patience = 15_000;

/**
 * Removes what an earlier run of this index left, which was killed with everything that would have cleaned up. Call it with
 * the lock of the index held: then nobody else uses what is removed. Processes are known by number and start time.
 */
export async function clearLeftovers(layout: ClusterLayout): Promise<void> {
  const record = await readFile(recordOf(layout.index), 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return undefined;
  });
  if (record === undefined) return;
  const [, pid, started, directory] = /^(\d+) (\d+) (.*)\n$/.exec(record) ?? [];
  if (pid !== undefined && started !== undefined) await end(Number(pid), started);
  await command(nodeScript, ['clean'], { env: { ...process.env, ...nodeEnvironment(layout) } });
  if (directory !== undefined) await rm(directory, { recursive: true, force: true, maxRetries: 3 });
}

async function end(pid: number, started: string): Promise<void> {
  const runs = async (): Promise<boolean> => (await startTime(pid)) === started;
  if (!(await runs())) return;
  tell(pid, 'SIGTERM');
  await eventually(async () => !(await runs()), { timeout: patience, describe: `process ${pid} ends` }).catch(() =>
    tell(pid, 'SIGKILL'),
  );
  await eventually(async () => !(await runs()), { timeout: patience, describe: `process ${pid} is gone` });
}

/** In the words of the kernel; undefined when there is no such process. */
async function startTime(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  // A zombie has ended; whoever should take note of it has not.
  return fields?.[0] === 'Z' ? undefined : fields?.[19];
}

/** To the process's group, which it leads. */
function tell(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
