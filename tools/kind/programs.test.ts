import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { command } from '../images/command.ts';
import { assertPrograms } from './programs.ts';
import type { Run } from './run.ts';

/** Programs of a PATH that holds these shell scripts alone. */
async function machineWith(t: TestContext, scripts: Readonly<Record<string, string>>): Promise<Run> {
  const folder = await mkdtemp(join(tmpdir(), 'isochrone-path-'));
  t.after(() => rm(folder, { recursive: true }));
  for (const [name, script] of Object.entries(scripts)) {
    await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`);
    await chmod(join(folder, name), 0o755);
  }
  return (program, args) => command(program, args, { env: { PATH: folder } });
}

const all = ['docker', 'kind', 'helm', 'kubectl'] as const;

test('nothing is said where everything is there', async (t) => {
  const run = await machineWith(t, { docker: 'exit 0', kind: 'exit 0', helm: 'exit 0', kubectl: 'exit 0' });
  await assertPrograms(run, all);
});

test('everything that is missing is said at once, with where it comes from', async (t) => {
  const run = await machineWith(t, { docker: 'exit 0', kubectl: 'exit 0' });
  await assert.rejects(assertPrograms(run, all), {
    code: 'BinaryUnavailable',
    message:
      /kind is not on the PATH; install it: https:\/\/kind\.sigs\.k8s\.io\/.*; helm is not on the PATH; install it: https:\/\/helm\.sh\//,
  });
});

test('docker without a daemon is said so, in its own words', async (t) => {
  const run = await machineWith(t, {
    docker: 'echo "Cannot connect to the Docker daemon" >&2; exit 1',
    kind: 'exit 0',
  });
  await assert.rejects(assertPrograms(run, ['docker', 'kind']), {
    message: /docker does not work \(Cannot connect to the Docker daemon\); start its daemon/,
  });
});
