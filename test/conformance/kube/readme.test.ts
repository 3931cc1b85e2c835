import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, describe, test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { core, type ApiClient } from '@isochrone/kube';
import { eventually, kubectl, withControlPlane } from '@isochrone/test/harness';
import { packKube } from '@isochrone/tools/package';
import { namespace, put, remove } from './config-maps.ts';
import { adminClient } from './network.ts';

const run = promisify(execFile);
const repository = join(import.meta.dirname, '..', '..', '..');
const readme = await readFile(join(repository, 'kube', 'README.md'), 'utf8');
/** Each begins with a comment that names it. */
const examples = new Map(
  [...readme.matchAll(/```ts\n(\/\/ ([\w-]+\.ts)\n[^]*?)```/g)].map(([, text, name]) => [name!, text!]),
);

const plane = await withControlPlane({ name: 'kube-readme', crds: false });
// In the repository, where the dependencies of the package are found; the package itself is the one that npm would install.
await mkdir(join(repository, 'dist'), { recursive: true });
const folder = await mkdtemp(join(repository, 'dist', 'readme-'));
after(() => rm(folder, { recursive: true }));
const installed = join(folder, 'node_modules', '@isochrone', 'kube');
await mkdir(installed, { recursive: true });
await run('tar', ['xzf', await packKube(folder), '-C', installed, '--strip-components=1']);
for (const [name, text] of examples) await writeFile(join(folder, name), text);

/** Runs an example until the test says that it has seen its effect; it must end well when it is told to. */
async function execute(t: TestContext, name: string, effect: (output: () => string) => Promise<void>): Promise<void> {
  const child = spawn(process.execPath, [join(folder, name)], {
    env: { ...process.env, KUBECONFIG: plane.adminKubeconfig },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += String(chunk)));
  const ended = once(child, 'exit');
  await Promise.race([
    effect(() => output),
    ended.then(([code]) => assert.fail(`${name} ended with ${String(code)}: ${output}`)),
  ]);
  child.kill('SIGTERM');
  assert.deepEqual(await ended, [0, null], output);
}

const effects: Record<string, (t: TestContext, client: ApiClient) => Promise<void>> = {
  'follow.ts': async (t, client) => {
    await put(client, 'follow', 'a', '1');
    await execute(t, 'follow.ts', async (output) => {
      await eventually(() => /^\d+ in the namespace default$/m.test(output()), { timeout: 20_000 });
      await remove(client, 'follow', 'a');
      await eventually(() => /^Deleted default\/follow-a$/m.test(output()));
    });
  },
  'label-namespaces.ts': async (t, client) => {
    await execute(t, 'label-namespaces.ts', () =>
      eventually(
        async () => (await client.get(core.namespaces, { name: 'default' })).metadata.labels?.['team'] === 'unknown',
        { timeout: 20_000 },
      ).then(() => undefined),
    );
  },
  'lead.ts': async (t, client) => {
    const crd = {
      ...{ apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition' },
      metadata: { name: 'widgets.example.com' },
      spec: {
        ...{ group: 'example.com', scope: 'Namespaced', names: { plural: 'widgets', kind: 'Widget' } },
        versions: [
          {
            ...{ name: 'v1', served: true, storage: true },
            schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
          },
        ],
      },
    };
    const widget = {
      apiVersion: 'example.com/v1',
      kind: 'Widget',
      metadata: { namespace, name: 'w' },
      spec: { size: 10 },
    };
    for (const [file, object] of Object.entries({ crd, widget })) {
      await writeFile(join(folder, file), JSON.stringify(object));
      await kubectl(plane.adminKubeconfig, ['apply', '-f', join(folder, file)]);
      if (object === crd)
        await kubectl(plane.adminKubeconfig, ['wait', '--for=condition=Established', '-f', join(folder, file)]);
    }
    await execute(t, 'lead.ts', (output) =>
      eventually(() => output().includes('done\n'), { timeout: 20_000 }).then(() => undefined),
    );
    const events = await client.list(core.events, { namespace });
    assert.ok(events.items.some(({ reason, regarding }) => reason === 'TooLarge' && regarding?.name === 'w'));
  },
};

describe(
  'README of @isochrone/kube, with the package that npm would install',
  { concurrency: 4, timeout: 60_000 },
  () => {
    test('every example is run', () => assert.deepEqual([...examples.keys()].sort(), Object.keys(effects).sort()));

    test('the examples are right to the compiler, with the declarations of the package', async () => {
      const options = ['--noEmit', '--strict', '--skipLibCheck', '--target', 'es2024', '--module', 'nodenext'];
      await run(
        process.execPath,
        [
          join(repository, 'node_modules', 'typescript', 'bin', 'tsc'),
          ...[...options, '--types', 'node', '--ignoreConfig'],
          ...[...examples.keys()].map((name) => join(folder, name)),
        ],
        { cwd: folder },
      ).catch((error: unknown) => assert.fail((error as { stdout: string }).stdout));
    });

    test('tests, fixtures and TypeScript sources stay at home', async () => {
      const { stdout } = await run('find', [
        installed,
        '-name',
        '*.test.*',
        '-o',
        '-name',
        '*-fixture.*',
        '-o',
        '-name',
        'model-api.*',
      ]);
      assert.equal(stdout, '');
      const { exports, private: isPrivate } = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8')) as {
        exports: object;
        private?: boolean;
      };
      assert.equal(isPrivate, undefined);
      assert.deepEqual(exports, {
        '.': { types: './index.d.ts', default: './index.js' },
        './testing': { types: './testing.d.ts', default: './testing.js' },
      });
    });

    for (const [name, effect] of Object.entries(effects)) {
      test(name, async (t) => effect(t, await adminClient(t, plane)));
    }
  },
);
