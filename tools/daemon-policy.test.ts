import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { NO_DAEMONS, withoutDaemons } from './daemon-policy.ts';

const folder = mkdtempSync(join(tmpdir(), 'policy-'));
after(() => rmSync(folder, { recursive: true }));
const policy = join(folder, 'policy-rc.d');
const answer = (env: NodeJS.ProcessEnv): number | null => spawnSync(policy, ['postgresql', 'start'], { env }).status;

test('only the daemons of this installation are kept from starting, and only while it runs', async () => {
  const answers = await withoutDaemons(async () => [answer({ ...NO_DAEMONS }), answer({})], policy);
  assert.deepEqual(answers, [101, 0]);
  assert.ok(!existsSync(policy));
});

test('an installation that fails leaves no policy', async () => {
  await assert.rejects(
    withoutDaemons(() => Promise.reject(new Error('no space')), policy),
    /no space/,
  );
  assert.ok(!existsSync(policy));
});

test("a killed run's policy is removed by the next", async () => {
  const left = await withoutDaemons(async () => readFileSync(policy), policy);
  writeFileSync(policy, left, { mode: 0o755 });
  assert.equal(await withoutDaemons(async () => answer({ ...NO_DAEMONS }), policy), 101);
  assert.ok(!existsSync(policy));
});

test("another's policy stands", async () => {
  writeFileSync(policy, '#!/bin/sh\nexit 104\n', { mode: 0o755 });
  assert.equal(await withoutDaemons(async () => answer({ ...NO_DAEMONS }), policy), 104);
  assert.equal(readFileSync(policy, 'utf8'), '#!/bin/sh\nexit 104\n');
});
