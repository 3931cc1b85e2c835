import assert from 'node:assert/strict';
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { ToolError } from '../errors.ts';
import { eventually } from './eventually.ts';
import { ProcessSupervisor } from './process-supervisor.ts';

const node = process.execPath;
const forever = 'setInterval(() => {}, 1000)';

describe('the parent ends, and nothing of it stays', () => {
  const ends: { how: string; mode?: string; signal?: NodeJS.Signals }[] = [
    { how: 'kill -9', signal: 'SIGKILL' },
    { how: 'Ctrl-C', signal: 'SIGINT' },
    { how: 'SIGTERM', signal: 'SIGTERM' },
    { how: 'process.exit', mode: 'exit' },
    { how: 'an exception', mode: 'throw' },
  ];
  for (const { how, mode, signal } of ends) {
    test(how, { timeout: 30_000 }, async () => {
      const fixture = join(import.meta.dirname, 'process-supervisor.fixture.ts');
      const parent = spawn(node, [fixture, ...(mode ? [mode] : [])], { stdio: ['ignore', 'pipe', 'ignore'] });
      const ended = once(parent, 'exit');
      const { directory, groups, port } = await belongings(parent);
      if (signal) {
        assert.ok(existsSync(directory) && groups.every(isAlive) && (await accepts(port)));
        parent.kill(signal);
      }
      await ended;
      await eventually(() => !groups.some(isAlive) && !existsSync(directory), {
        describe: 'processes and folder are gone',
        timeout: 15_000,
      });
      assert.equal(await accepts(port), false);
    });
  }
});

test('starts, waits until ready, logs, stops, and starts anew under the same name', async () => {
  await using supervisor = await ProcessSupervisor.create({ name: 'test' });
  const program = `setTimeout(() => { require('node:fs').writeFileSync('ready', ''); console.log(process.env.WORD) }, 50); ${forever}`;
  const ready = (): boolean => existsSync(join(supervisor.directory, 'ready'));
  const first = await supervisor.start({
    name: 'program',
    command: node,
    args: ['-e', program],
    env: { WORD: 'hello' },
    ready,
  });
  assert.ok(ready() && isAlive(first.pid));
  await eventually(async () => (await readFile(first.log, 'utf8')) === 'hello\n');
  await assert.rejects(supervisor.start({ name: 'program', command: node }), /runs already/);
  const second = await supervisor.restart('program');
  assert.notEqual(second.pid, first.pid);
  assert.equal(isAlive(first.pid), false);
  await supervisor.kill9('program');
  assert.equal(isAlive(second.pid), false);
  assert.equal(supervisor.isRunning('program'), false);
  await supervisor.restart('program');
  assert.ok(supervisor.isRunning('program'));
  assert.throws(() => supervisor.signal('nobody', 'SIGHUP'), /"nobody"; there are: program/);
});

test('a process that ends before it is ready is an error with the end of its output', async () => {
  await using supervisor = await ProcessSupervisor.create({ name: 'test' });
  const args = ['-e', 'console.error("no such flag"); process.exitCode = 7'];
  await assert.rejects(supervisor.start({ name: 'program', command: node, args, ready: () => false }), (error) => {
    assert.ok(error instanceof ToolError && error.code === 'ProcessExited');
    assert.match(error.message, /program \(exit status 7\)\nno such flag/);
    return true;
  });
  await assert.rejects(
    supervisor.start({ name: 'absent', command: '/no/such/program', ready: () => false }),
    /exit status 127/,
  );
});

test('a process that is not ready in time is stopped', async () => {
  await using supervisor = await ProcessSupervisor.create({ name: 'test' });
  const starting = supervisor.start({
    name: 'program',
    command: node,
    args: ['-e', forever],
    ready: () => false,
    readyTimeout: 100,
  });
  await assert.rejects(starting, { code: 'NotInTime' });
  assert.equal(supervisor.isRunning('program'), false);
});

test('SIGTERM comes first, so that a program may tidy up; also to a program that hangs', async () => {
  await using supervisor = await ProcessSupervisor.create({ name: 'test' });
  const program = `process.on('SIGTERM', () => { console.log('tidied'); process.exit() }); console.log('up'); ${forever}`;
  const { log } = await supervisor.start({ name: 'program', command: node, args: ['-e', program] });
  await eventually(async () => (await readFile(log, 'utf8')) === 'up\n');
  supervisor.signal('program', 'SIGSTOP');
  await supervisor.stop('program');
  assert.equal(await readFile(log, 'utf8'), 'up\ntidied\n');
});

test('an abort stops everything', async () => {
  const controller = new AbortController();
  const supervisor = await ProcessSupervisor.create({ name: 'test', signal: controller.signal });
  const { pid } = await supervisor.start({ name: 'program', command: node, args: ['-e', forever] });
  controller.abort();
  await eventually(() => !isAlive(pid) && !existsSync(supervisor.directory));
  await assert.rejects(supervisor.start({ name: 'another', command: node }), { name: 'AbortError' });
});

async function belongings(
  parent: ChildProcessByStdio<null, Readable, null>,
): Promise<{ directory: string; groups: number[]; port: number }> {
  const [line] = (await once(createInterface(parent.stdout), 'line')) as [string];
  return JSON.parse(line) as { directory: string; groups: number[]; port: number };
}

/** Whether a process group has a member. */
function isAlive(group: number): boolean {
  try {
    return process.kill(-group, 0);
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ESRCH');
    return false;
  }
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ECONNREFUSED');
    return false;
  } finally {
    socket.destroy();
  }
}
