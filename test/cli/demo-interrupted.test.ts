import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { eventually } from '@isochrone/test/harness';

const program = join(import.meta.dirname, '..', '..', 'cli', 'isochrone.ts');

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

const moments: [string, NodeJS.Signals][] = [
  ['cluster ', 'SIGINT'],
  ['uploading', 'SIGTERM'],
  ['approved', 'SIGKILL'],
];
for (const [line, signal] of moments) {
  const options = { skip: process.platform !== 'linux' && 'reads /proc', timeout: 240_000 };
  test(`the demo that gets ${signal} at "${line}" leaves no process and no folder`, options, async () => {
    const mark = `ISOCHRONE_MARK_OF_TEST=${randomUUID()}`;
    const [name = '', value] = mark.split('=');
    const demo = spawn(process.execPath, [program, 'demo'], {
      env: { ...process.env, [name]: value, KEEP: '' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    for await (const text of createInterface({ input: demo.stderr })) if (text.includes(line)) break;
    const seen = marked(mark);
    const folders = [...new Set(seen.values())].filter((folder) => folder.includes('isochrone-'));
    assert.ok(folders.length > 0, 'the demo has processes with folders of their own');
    demo.stderr.resume();
    demo.kill(signal);
    if (demo.exitCode === null && demo.signalCode === null) await once(demo, 'exit');
    if (signal !== 'SIGKILL') assert.equal(demo.exitCode, 1);
    await eventually(() => marked(mark).size === 0, { timeout: 20_000, describe: 'every process of the demo is gone' });
    await eventually(() => !folders.some((folder) => existsSync(folder)), {
      describe: 'every folder of the demo is gone',
    });
  });
}
