import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { catalog } from './catalog.ts';
import { checksumOf } from './download.ts';
import { cacheFolder } from './ensure.ts';
import { withLock } from './lock.ts';
import { findOnMachine, isRecentEnough } from './machine.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'isochrone-binaries-'));
});
after(() => rm(folder, { recursive: true }));

test('every program has a pinned version, and one of a project the same', () => {
  const programs = catalog('linux', 'x64');
  for (const { version } of programs) assert.match(version, /^v\d+\.\d+\.\d+$/);
  const kubernetes = programs.filter(({ goPackage }) => goPackage.startsWith('k8s.io/kubernetes/'));
  assert.equal(new Set(kubernetes.map(({ version }) => version)).size, 1);
  assert.match(programs.find(({ name }) => name === 'etcd')!.release.url, /\/etcd-v[\d.]+-linux-amd64\.tar\.gz$/);
});

test('isRecentEnough', () => {
  const cases: [string, [number, number] | undefined, boolean][] = [
    ['v1.34.0', [1, 34], true],
    ['v1.36.3', [1, 34], true],
    ['1.33.9', [1, 34], false],
    ['v2.0.0', [1, 34], true],
    ['3.4.23', [3, 5], false],
    ['3.10.0', [3, 5], true],
    ['0.1.0', undefined, true],
  ];
  for (const [version, minimum, expected] of cases) assert.equal(isRecentEnough(version, minimum), expected, version);
});

test('checksumOf', () => {
  const [a, b] = ['a'.repeat(64), 'b'.repeat(64)];
  assert.equal(checksumOf('any', `${a}\n`), a);
  assert.equal(checksumOf('two.tar.gz', `${a}  one.tar.gz\n${b}  two.tar.gz\n`), b);
  assert.equal(checksumOf('two.tar.gz', `${a} *one.tar.gz\n${b} *two.tar.gz\n`), b);
  assert.equal(checksumOf('three.tar.gz', `${a}  one.tar.gz\n${b}  two.tar.gz\n`), undefined);
  assert.equal(checksumOf('any', '<html>not found</html>'), undefined);
});

test('cacheFolder', () => {
  assert.equal(cacheFolder({ ISOCHRONE_CACHE: '/c', XDG_CACHE_HOME: '/x' }), '/c');
  assert.equal(cacheFolder({ ISOCHRONE_CACHE: '', XDG_CACHE_HOME: '/x' }), '/x/isochrone');
  assert.match(cacheFolder({}), /\/\.cache\/isochrone$/);
});

test('the Kubernetes that Helm takes for granted without a cluster is the pinned one', () => {
  const { version } = catalog().find(({ name }) => name === 'kubelet')!;
  const { stamps } = catalog().find(({ name }) => name === 'helm')!;
  const [major, minor] = version.slice(1).split('.');
  assert.equal(stamps['helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor'], major);
  assert.equal(stamps['helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor'], minor);
});

test('a program that nobody knows is refused with the names of those there are', async () => {
  const getting = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), 'helm', 'kubelt'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const said: string[] = [];
  for await (const line of createInterface({ input: getting.stderr })) said.push(line);
  assert.match(said.join('\n'), /"kubelt" is none of them; there are: .*kubelet/);
});

describe('findOnMachine', () => {
  const etcd = catalog().find(({ name }) => name === 'etcd')!;
  const place = async (where: string, script: string): Promise<string> => {
    const path = join(folder, where, 'etcd');
    await mkdir(join(folder, where), { recursive: true });
    await writeFile(path, `#!/bin/sh\n${script}\n`);
    await chmod(path, 0o755);
    return path;
  };
  const find = (assets: string, ...path: string[]): ReturnType<typeof findOnMachine> =>
    findOnMachine(etcd, join(folder, 'cache'), {
      KUBEBUILDER_ASSETS: join(folder, assets),
      PATH: path.map((name) => join(folder, name)).join(delimiter),
    });

  test('takes the first that is recent enough', async () => {
    await place('old', 'echo "etcd Version: 3.4.23"');
    const fresh = await place('fresh', 'echo "etcd Version: 3.5.1"');
    const assets = await place('assets', 'echo "etcd Version: 3.6.0"');
    await place('broken', 'exit 3');
    assert.deepEqual(await find('absent', 'broken', 'old', 'fresh'), { path: fresh, origin: 'PATH', version: '3.5.1' });
    assert.deepEqual(await find('assets', 'fresh'), { path: assets, origin: 'KUBEBUILDER_ASSETS', version: '3.6.0' });
    assert.equal(await find('absent', 'old', 'broken'), undefined);
  });

  test('takes the cache, where the pinned version lies, only when the PATH has none that is recent enough', async () => {
    const cached = await place(join('cache', etcd.folder), 'exit 1');
    assert.equal((await find('absent', 'fresh'))?.origin, 'PATH');
    assert.deepEqual(await find('absent', 'old'), { path: cached, origin: 'cache', version: etcd.version });
  });
});

test('what is stopped while it gets a program leaves no half of it', { timeout: 20_000 }, async () => {
  const [cache, path] = [join(folder, 'stopped'), join(folder, 'only-go')];
  await mkdir(path);
  await writeFile(join(path, 'go'), '#!/bin/sh\nexec /bin/sleep 60\n', { mode: 0o755 });
  const getting = spawn(process.execPath, [join(import.meta.dirname, 'main.ts')], {
    // A proxy that nobody runs: no release can be reached, so that everything is built.
    env: { ISOCHRONE_CACHE: cache, PATH: path, NODE_USE_ENV_PROXY: '1', HTTPS_PROXY: 'http://127.0.0.1:1' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  for await (const line of createInterface({ input: getting.stderr })) if (line.startsWith('building')) break;
  assert.equal((await readdir(cache)).filter((name) => name.startsWith('partial-')).length, 1);
  getting.kill('SIGINT');
  await once(getting, 'exit');
  assert.equal(getting.exitCode, 1);
  assert.deepEqual(await readdir(cache), ['lock']);
});

test('withLock lets one in at a time, and a holder that is killed lets go', { timeout: 20_000 }, async () => {
  const file = join(folder, 'lock');
  const program = `import { withLock } from ${JSON.stringify(join(import.meta.dirname, 'lock.ts'))};
    await withLock(${JSON.stringify(file)}, () => {}, () => new Promise(() => { console.log('held'); setInterval(() => {}, 1000) }));`;
  const holder = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(holder.stdout, 'data');
  let killed = false;
  const onWait = (): void => {
    killed = holder.kill('SIGKILL');
  };
  assert.equal(await withLock(file, onWait, async () => 'mine'), 'mine');
  assert.ok(killed);
});
