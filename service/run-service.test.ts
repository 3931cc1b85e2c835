import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';

const fixture = join(import.meta.dirname, 'run-service.fixture.ts');

interface Started {
  readonly child: ChildProcess;
  readonly lines: string[];
  /** Resolves with the first line that contains the text. */
  line(text: string): Promise<string>;
}

function start(...args: string[]): Started {
  const child = spawn(process.execPath, [fixture, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  reader.on('line', (line) => lines.push(line));
  return {
    child,
    lines,
    async line(text) {
      for (;;) {
        const found = lines.find((line) => line.includes(text));
        if (found !== undefined) return found;
        await once(reader, 'line');
      }
    },
  };
}

async function exit({ child }: Started): Promise<number | null> {
  if (child.exitCode === null) await once(child, 'close');
  return child.exitCode;
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} stops it with status 0`, async () => {
    const service = start('waits');
    await service.line('"msg":"started"');
    service.child.kill(signal);
    assert.equal(await exit(service), 0);
    assert.ok(service.lines.at(-1)?.includes('"msg":"stopped"'));
  });
}

test('a second signal ends a program that does not stop', async () => {
  const service = start('ignores');
  await service.line('"msg":"started"');
  service.child.kill('SIGTERM');
  await service.line('"msg":"stopping"');
  service.child.kill('SIGTERM');
  assert.equal(await exit(service), 1);
});

for (const [what, message] of [
  ['fails', 'no token=abc'],
  ['ends', 'ended although nobody asked'],
  ['throws-later', 'uncaught error'],
  ['rejects-later', 'uncaught error'],
] as const) {
  test(`a program that ${what} ends with status 1 and says why`, async () => {
    const service = start(what);
    assert.equal(await exit(service), 1);
    await service.line(message);
  });
}

test('a taken address is named, with status 3', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const address = `127.0.0.1:${(other.address() as AddressInfo).port}`;
  const service = start('waits', address);
  assert.equal(await exit(service), 3);
  await service.line(`--metrics-address ${address}: another process listens there`);
  other.close();
});
