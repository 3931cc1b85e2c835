import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { eventually } from '@isochrone/test/harness';
import { lacksProc, startDemo } from './demo-process.ts';

const moments: [string, NodeJS.Signals][] = [
  ['cluster ', 'SIGINT'],
  ['uploading', 'SIGTERM'],
  ['approved', 'SIGKILL'],
];
for (const [line, signal] of moments) {
  const options = { skip: lacksProc, timeout: 240_000 };
  test(`the demo that gets ${signal} at "${line}" leaves no process and no folder`, options, async () => {
    const demo = startDemo();
    demo.child.stdout.resume();
    await demo.reached(line);
    const folders = demo.folders();
    assert.ok(folders.length > 0, 'the demo has processes with folders of their own');
    demo.child.kill(signal);
    if (demo.child.exitCode === null && demo.child.signalCode === null) await once(demo.child, 'exit');
    if (signal !== 'SIGKILL') assert.equal(demo.child.exitCode, 1);
    await eventually(() => demo.processes().size === 0, {
      timeout: 20_000,
      describe: 'every process of the demo is gone',
    });
    await eventually(() => !folders.some((folder) => existsSync(folder)), {
      describe: 'every folder of the demo is gone',
    });
  });
}
