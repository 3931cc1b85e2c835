import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';

/** node.sh with only what the test puts on the PATH, and an empty cache. */
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'isochrone-node-'));
  mkdirSync(join(folder, 'bin'));
  for (const tool of ['uname', 'mkdir', 'mktemp', 'rm', 'mv', 'ln', 'dirname']) {
    const path = ['/bin', '/usr/bin'].map((prefix) => join(prefix, tool)).find(existsSync);
    symlinkSync(path!, join(folder, 'bin', tool));
  }
});
afterEach(() => rmSync(folder, { recursive: true }));

const cache = (): string => join(folder, 'cache');

function program(name: string, script: string): void {
  writeFileSync(join(folder, 'bin', name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

function run(): { status: number | null; stdout: string; stderr: string } {
  const env = { PATH: join(folder, 'bin'), ISOCHRONE_CACHE: cache() };
  return spawnSync('/bin/sh', [join(import.meta.dirname, 'node.sh')], { env, encoding: 'utf8' });
}

/** An npm that makes "$prefix/node_modules/<package>/bin/node", of the given major version. */
function npm(major: number): void {
  program(
    'npm',
    `for last; do case $previous in --prefix) prefix=$last ;; esac; previous=$last; done
     bin=$prefix/node_modules/\${last%@*}/bin; mkdir -p "$bin"
     printf '#!/bin/sh\\necho ${major}\\n' >"$bin/node"; ${join('/bin', 'chmod')} +x "$bin/node"`,
  );
}

test("the machine's own Node, when it is new enough", () => {
  symlinkSync(process.execPath, join(folder, 'bin', 'node'));
  assert.deepEqual([run().stdout, existsSync(cache())], [`${join(folder, 'bin')}\n`, false]);
});

test('else one from npm, once', { skip: process.platform !== 'linux' && 'npm has Node for Linux only' }, () => {
  program('node', 'echo 20');
  npm(24);
  const { stdout, stderr, status } = run();
  assert.equal(status, 0, stderr);
  assert.equal(dirname(dirname(stdout)), cache());
  assert.ok(existsSync(join(stdout.trim(), 'node')));
  assert.equal(readdirSync(cache()).length, 1, 'nothing half made stays');
  program('npm', 'exit 1');
  assert.equal(run().stdout, stdout);
});

test(
  'a Node that does not run is not kept',
  { skip: process.platform !== 'linux' && 'npm has Node for Linux only' },
  () => {
    npm(0);
    const { status, stderr } = run();
    assert.equal(status, 1);
    assert.match(stderr, /does not run on this machine/);
    assert.deepEqual(readdirSync(cache()), []);
  },
);

test('without Node and npm, says what to do', () => {
  const { status, stdout, stderr } = run();
  assert.deepEqual([status, stdout], [1, '']);
  assert.match(stderr, /Install Node\.js 24 or newer/);
});
