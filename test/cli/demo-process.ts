import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { cacheFolder } from '@isochrone/tools/local';

const program = join(import.meta.dirname, '..', '..', 'cli', 'isochrone.ts');

/** What reads /proc runs on Linux only; the reason to skip it elsewhere. */
export const lacksProc = process.platform !== 'linux' && 'reads /proc';

export interface DemoProcess {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  /** Working folders of its processes, by pid: its own, and whatever they started in whatever session. */
  processes(): Map<number, string>;
  /** The folders among them that were made for the demo. */
  folders(): string[];
  /** Resolves when it has told of its progress with a line that has the text. */
  reached(text: string): Promise<void>;
}

/** Runs `isochrone demo` in an environment by which everything that it starts is found again. */
export function startDemo(env: Readonly<Record<string, string>> = {}): DemoProcess {
  const [name, value] = ['ISOCHRONE_MARK_OF_TEST', randomUUID()];
  const child = spawn(process.execPath, [program, 'demo'], {
    // The cache stays the same when another HOME is asked for.
    env: { ...process.env, ISOCHRONE_CACHE: cacheFolder(), KEEP: '', [name]: value, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const processes = (): Map<number, string> => marked(`${name}=${value}`);
  return {
    child,
    processes,
    folders: () => [...new Set(processes().values())].filter((folder) => folder.includes('isochrone-')),
    async reached(text) {
      for await (const line of createInterface({ input: child.stderr })) if (line.includes(text)) break;
      child.stderr.resume();
    },
  };
}

/** Working folders of the processes whose environment has the mark. */
function marked(mark: string): Map<number, string> {
  const found = new Map<number, string>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    try {
      if (readFileSync(`/proc/${pid}/environ`, 'latin1').includes(mark))
        found.set(pid, readlinkSync(`/proc/${pid}/cwd`));
    } catch (error) {
      // It ended meanwhile, or belongs to somebody else.
      if (!['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }
  return found;
}
