import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { kubectl, withControlPlane } from '@isochrone/test/harness';
import { ensureBinaries } from '@isochrone/tools/local';
import { packageCli } from '@isochrone/tools/package';
import { parse } from 'yaml';
import packageJson from '../../package.json' with { type: 'json' };

interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** As Go, and so krew, calls it. */
const goArchitecture = process.arch === 'x64' ? 'amd64' : process.arch;

const plane = await withControlPlane();

describe('the packaged command line, where no repository is', () => {
  let folder: string;
  let files: string[];
  /** An empty folder, and nothing on the PATH but Node.js and what every system has. */
  const run = (program: string, args: readonly string[], path = dirname(process.execPath)): Promise<Outcome> =>
    new Promise((resolve) => {
      const settings = {
        cwd: join(folder, 'empty'),
        env: { PATH: `${path}:/usr/bin:/bin`, HOME: join(folder, 'empty') },
      };
      execFile(program, args, settings, (error, stdout, stderr) => {
        resolve({ status: error === null ? 0 : Number(error.code), stdout, stderr });
      });
    });
  const packaged = (name: string): string => files.find((file) => basename(file) === name)!;
  const named = (outcome: Outcome): string => `${outcome.stdout}${outcome.stderr}`;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'isochrone-package-'));
    await mkdir(join(folder, 'empty'));
    files = await packageCli(join(folder, 'package'));
    const account = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'isochrone-account', namespace: 'default' },
      data: { currency: 'EUR', balance: '9.00', held: '0.50', spent: '0.50', postings: '[]' },
    };
    await kubectl(plane.adminKubeconfig, ['apply', '-f', '-'], JSON.stringify(account));
  });

  after(() => rm(folder, { recursive: true, force: true }));

  test('the plug-in reads a real API server', async () => {
    const outcome = await run(packaged('kubectl-isochrone'), ['statement', '--kubeconfig', plane.adminKubeconfig]);
    assert.equal(outcome.status, 0, named(outcome));
    assert.match(outcome.stdout, /9\.00/);
  });

  test(
    'so does the single executable, where no Node.js is',
    { skip: process.platform !== 'linux' || process.arch !== 'x64' ? 'it is made on linux-x64 only' : false },
    async () => {
      const program = packaged('kubectl-isochrone-linux-x64');
      const outcome = await run(program, ['statement', '--kubeconfig', plane.adminKubeconfig], '/nowhere');
      assert.equal(outcome.status, 0, named(outcome));
      assert.match(outcome.stdout, /9\.00/);
    },
  );

  test('kubectl finds the plug-in of an archive, and what completes its commands', async () => {
    const unpacked = join(folder, 'unpacked');
    await mkdir(unpacked);
    const archive = packaged('kubectl-isochrone-linux-amd64.tar.gz');
    const untar = await run('tar', ['-xzf', archive, '-C', unpacked]);
    assert.equal(untar.status, 0, untar.stderr);
    assert.deepEqual((await readdir(unpacked)).toSorted(), [
      'LICENSE',
      'kubectl-isochrone',
      'kubectl_complete-isochrone',
    ]);
    assert.match(await readFile(join(unpacked, 'LICENSE'), 'utf8'), /Apache License/);
    const [kubectlBinary] = await ensureBinaries(['kubectl']);
    const path = `${unpacked}:${dirname(process.execPath)}`;
    const outcome = await run(kubectlBinary!.path, ['isochrone', '--version'], path);
    assert.equal(outcome.stdout, `${packageJson.version}\n`, named(outcome));
    const completed = await run(kubectlBinary!.path, ['__complete', 'isochrone', 'stat'], path);
    assert.match(completed.stdout, /^statement\t/m, named(completed));
  });

  test('krew takes the manifest, and installs the archive that it names', async () => {
    const [krew] = await ensureBinaries(['krew']);
    const root = join(folder, 'krew');
    const install = (archive: string): Promise<Outcome> =>
      run('env', [
        ...[`KREW_ROOT=${root}`, krew!.path, 'install', '--no-update-index'],
        ...[`--manifest=${packaged('isochrone.yaml')}`, `--archive=${archive}`],
      ]);
    const other = await install(packaged('checksums.txt'));
    assert.notEqual(other.status, 0);
    assert.match(named(other), /checksum does not match/);
    const installed = await install(packaged(`kubectl-isochrone-${process.platform}-${goArchitecture}.tar.gz`));
    assert.equal(installed.status, 0, named(installed));
    const outcome = await run('kubectl-isochrone', ['--version'], `${root}/bin:${dirname(process.execPath)}`);
    assert.equal(outcome.stdout, `${packageJson.version}\n`, named(outcome));
  });

  test('the manifest names every archive, with its checksum', async () => {
    const { spec } = parse(await readFile(packaged('isochrone.yaml'), 'utf8')) as {
      spec: { version: string; platforms: { uri: string; sha256: string }[] };
    };
    assert.equal(spec.version, `v${packageJson.version}`);
    const listed = await readFile(packaged('checksums.txt'), 'utf8');
    const archives = files.filter((file) => file.endsWith('.tar.gz')).map((file) => basename(file));
    assert.deepEqual(
      spec.platforms.map(({ uri }) => uri.split('/').at(-1)),
      archives,
    );
    for (const { uri, sha256 } of spec.platforms) assert.ok(listed.includes(`${sha256}  ${uri.split('/').at(-1)!}\n`));
  });

  test('an archive for Windows starts Node.js by itself', async () => {
    const unpacked = join(folder, 'windows');
    await mkdir(unpacked);
    await run('tar', ['-xzf', packaged('kubectl-isochrone-windows-amd64.tar.gz'), '-C', unpacked]);
    assert.deepEqual((await readdir(unpacked)).toSorted(), [
      'LICENSE',
      'kubectl-isochrone.cjs',
      'kubectl-isochrone.cmd',
      'kubectl_complete-isochrone.cmd',
    ]);
    const script = await readFile(join(unpacked, 'kubectl_complete-isochrone.cmd'), 'utf8');
    assert.equal(script, '@node "%~dp0kubectl-isochrone.cjs" __complete %*\r\n');
    const outcome = await run(process.execPath, [join(unpacked, 'kubectl-isochrone.cjs'), '__complete', 'stat']);
    assert.match(outcome.stdout, /^statement\t/m, named(outcome));
  });

  test('isochrone keeps a ledger, and has every program that needs no native code', async () => {
    const program = packaged('isochrone.cjs');
    const ledger = join(folder, 'empty', 'ledger.sqlite');
    const deposit = await run(program, ['ledger', 'deposit', 'vision', '5.00', '--create', '--ledger', ledger]);
    assert.equal(deposit.status, 0, named(deposit));
    const balance = await run(program, ['ledger', 'balance', 'vision', '--ledger', ledger, '-o', 'json']);
    assert.equal((JSON.parse(balance.stdout) as { balance: string }).balance, '5.00');
    for (const name of ['operator', 'scheduler', 'edge']) {
      const outcome = await run(program, [name, '--help']);
      assert.match(outcome.stdout, new RegExp(`Usage: isochrone ${name}`), named(outcome));
    }
  });

  for (const [name, home] of [
    ['demo', /make demo/],
    ['agent', /the image isochrone\/node-agent/],
  ] as const) {
    test(`isochrone says where ${name} is`, async () => {
      const outcome = await run(packaged('isochrone.cjs'), [name]);
      assert.equal(outcome.status, 2);
      assert.match(outcome.stderr, home);
    });
  }

  test('the checksums are those of the files, and the same sources give the same ones', async () => {
    const listed = await readFile(packaged('checksums.txt'), 'utf8');
    for (const file of files.filter((path) => basename(path) !== 'checksums.txt')) {
      const digest = createHash('sha256')
        .update(await readFile(file))
        .digest('hex');
      assert.ok(listed.includes(`${digest}  ${basename(file)}\n`), basename(file));
    }
    // On a machine that has other programs: none of them is asked, `tar` least of all.
    const path = process.env['PATH'];
    process.env['PATH'] = join(folder, 'empty');
    try {
      const again = await packageCli(join(folder, 'again'));
      assert.equal(await readFile(again.at(-1)!, 'utf8'), listed);
    } finally {
      process.env['PATH'] = path;
    }
  });

  test('archives say of nobody who made them, and what is to be executed is executable', async () => {
    const archive = packaged('kubectl-isochrone-darwin-arm64.tar.gz');
    const { stdout } = await run('tar', ['--utc', '--numeric-owner', '-tvzf', archive]);
    const entries = stdout
      .trim()
      .split('\n')
      .map((line) => line.split(/ +/));
    assert.deepEqual(
      entries.map(([mode, owner, , date, time, name]) => [mode, owner, date, time, name]),
      [
        ['-rw-r--r--', 'LICENSE'],
        ['-rwxr-xr-x', 'kubectl-isochrone'],
        ['-rwxr-xr-x', 'kubectl_complete-isochrone'],
      ].map(([mode, name]) => [mode, '0/0', '1970-01-01', '00:00', name]),
    );
  });
});
