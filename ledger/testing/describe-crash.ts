import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { openLedger } from '../open-ledger.ts';
import type { Engine } from './engine.ts';

const SEED = 20_261_123;
const KILLS = 5;

/** Runs the writer until it has given `answers` answers, then kills it in the middle of whatever it does next. */
async function runAndKill(location: string, first: number, answers: number): Promise<string[]> {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, 'crash-writer.ts'), location, String(first), String(SEED)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    if (output.split('\n').length > answers) child.kill('SIGKILL');
  });
  const [, signal] = (await once(child, 'close')) as [number | null, string | null];
  assert.equal(signal, 'SIGKILL', 'the writer was killed and did not fail by itself');
  return output.split('\n').slice(0, -1);
}

export function describeCrash(engine: Engine): void {
  test(`a killed writer loses nothing that it was told is done, in ${engine.name}`, { timeout: 60_000 }, async () => {
    const location = await engine.freshLocation();
    const setUp = openLedger(location, { now: () => 0 });
    await setUp.deposit({ namespace: 'n', amount: 1_000_000n, idempotencyKey: 'd' });
    await setUp.close();

    let next = 1;
    for (let kill = 0; kill < KILLS; kill++) {
      const answers = await runAndKill(location, next, 20 + ((SEED >> kill) % 37));
      const ledger = openLedger(location, { now: () => 0 });
      await ledger.check();
      const states = new Map((await ledger.attempts('job')).map(({ attempt, state }) => [attempt, state]));
      for (const line of answers) {
        const [what, attempt] = line.split(' ');
        const state = states.get(Number(attempt));
        assert.ok(
          what === 'held' ? state !== undefined : state !== undefined && state !== 'Held',
          `${line}, but found ${state}`,
        );
      }
      // The next leader finds the open hold and settles it; both steps again are replays.
      const token = await ledger.acquireLeadership('next');
      for (const { attempt } of await ledger.heldAttempts()) {
        const key = { token, jobUID: 'job', attempt };
        assert.equal(await ledger.release(key), 'released');
        assert.equal(await ledger.release(key), 'replayed');
      }
      assert.deepEqual(await ledger.heldAttempts(), []);
      await ledger.check();
      const highest = await ledger.highestAttempt('job');
      assert.ok(highest >= next, 'the writer got somewhere');
      const { balance, spent } = await ledger.namespaceAccount('n');
      assert.equal(balance + spent, 1_000_000n);
      next = highest + 1;
      await ledger.close();
    }
  });
}
