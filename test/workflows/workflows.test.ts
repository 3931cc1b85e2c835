import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ensureBinaries } from '@isochrone/tools/local';
import { parse } from 'yaml';

const root = join(import.meta.dirname, '..', '..');
const files = globSync('.github/workflows/*.yaml', { cwd: root }).toSorted();
const makefile = readFileSync(join(root, 'Makefile'), 'utf8');

interface Workflow {
  readonly permissions: unknown;
  readonly concurrency?: { readonly group: string };
  readonly jobs: Readonly<Record<string, Job>>;
}

interface Job {
  readonly permissions?: unknown;
  readonly 'runs-on': string;
  readonly 'timeout-minutes'?: number;
  readonly steps: readonly { readonly run?: string }[];
}

test('there are workflows', () => {
  assert.deepEqual(files, ['.github/workflows/kind.yaml', '.github/workflows/test.yaml']);
});

test('GitHub would take them', async () => {
  const [actionlint] = await ensureBinaries(['actionlint']);
  // What shells think of scripts depends on the machine's shellcheck: left out.
  const args = ['-no-color', '-shellcheck=', '-pyflakes=', ...files];
  const said = await new Promise<string>((resolve) => {
    execFile(actionlint!.path, args, { cwd: root }, (error, stdout, stderr) =>
      resolve(error === null ? '' : stdout + stderr + error.message),
    );
  });
  assert.equal(said, '');
});

for (const file of files) {
  const text = readFileSync(join(root, file), 'utf8');
  const { permissions, concurrency, jobs } = parse(text) as Workflow;

  test(`${file} may only read, gives up in time, and runs once per branch`, () => {
    assert.deepEqual(permissions, { contents: 'read' });
    assert.match(concurrency?.group ?? '', /github\.ref/);
    for (const job of Object.values(jobs)) {
      assert.equal(job.permissions, undefined);
      assert.match(job['runs-on'], /^ubuntu-\d/, 'an image that does not change by itself');
      assert.ok(job['timeout-minutes']! <= 90);
    }
  });

  test(`${file} takes actions that nobody can change, and says which version they are`, () => {
    const uses = [...text.matchAll(/^ *(?:- )?uses: (.*)$/gm)].map(([, action]) => action!);
    assert.ok(uses.length > 0);
    for (const action of uses) assert.match(action, /^actions\/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
    // What the checkout was fetched with is no business of the code in it.
    assert.equal(text.split('actions/checkout@').length, text.split('persist-credentials: false').length);
  });

  test(`${file} makes what the Makefile can make`, () => {
    const scripts = Object.values(jobs).flatMap(({ steps }) => steps.flatMap(({ run }) => run ?? []));
    const targets = scripts.flatMap((script) =>
      [...script.matchAll(/\bmake (?:-C \S+ )?([a-z-]+)/g)].map(([, name]) => name!),
    );
    for (const target of targets) assert.match(makefile, new RegExp(`^${target}:`, 'm'));
  });
}

test('what is kept between runs changes with the lock files', () => {
  const text = readFileSync(join(root, '.github/workflows/test.yaml'), 'utf8');
  for (const lock of ["'tools/**/go.mod'", "'tools/node.sh'", "'package-lock.json'"])
    assert.ok(text.includes(lock), lock);
  for (const path of ['package-lock.json', 'tools/node.sh', 'tools/go.mod']) readFileSync(join(root, path));
});
