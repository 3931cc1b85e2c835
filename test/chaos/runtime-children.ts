import { readdir, readFile } from 'node:fs/promises';

/**
 * Process ids of the runtime children of one agent, found by its command line.
 * @param stateFolder of the federation: no other agent on this machine has it
 */
export async function runtimeChildren(node: string, stateFolder: string): Promise<number[]> {
  const processes = (
    await Promise.all((await readdir('/proc')).filter((entry) => /^\d+$/.test(entry)).map(describe))
  ).filter((one) => one !== undefined);
  const agents = processes.filter(
    ({ command }) =>
      command.includes('agent') && command.includes(node) && command.some((part) => part.startsWith(stateFolder)),
  );
  const parents = new Set(agents.map(({ pid }) => pid));
  return processes.filter(({ parent }) => parents.has(parent)).map(({ pid }) => pid);
}

interface Described {
  readonly pid: number;
  readonly parent: number;
  readonly command: readonly string[];
}

async function describe(entry: string): Promise<Described | undefined> {
  try {
    const [status, command] = await Promise.all([
      readFile(`/proc/${entry}/status`, 'utf8'),
      readFile(`/proc/${entry}/cmdline`, 'utf8'),
    ]);
    const parent = Number(/^PPid:\s+(\d+)$/m.exec(status)?.[1]);
    return { pid: Number(entry), parent, command: command.split('\0') };
  } catch (error) {
    const gone = ['ENOENT', 'ESRCH', 'EACCES']; // ended meanwhile, or not ours
    if (gone.includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
