import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, describe, test } from 'node:test';

const isochrone = join(import.meta.dirname, '..', '..', 'cli', 'isochrone.ts');
const folder = await mkdtemp(join(tmpdir(), 'isochrone-start-'));
after(() => rm(folder, { recursive: true, force: true }));

interface Ended {
  readonly status: number | null;
  /** Standard output and standard error. */
  readonly said: string;
}

async function run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const child = spawn(process.execPath, [isochrone, ...args], { env: { ...process.env, ...env }, timeout: 20_000 });
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { status: child.exitCode, said: output + errors };
}

async function file(name: string, content: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

/** What each program needs, so that nothing else is wrong. */
const unused = await file('unused.kubeconfig', JSON.stringify(unreachable()));
const state = ['--state-directory', join(folder, 'state')];
const socket = ['--verifier-socket', join(folder, 'verifier.sock')];
const commands = {
  operator: ['--ledger', join(folder, 'ledger.sqlite'), '--scheduler-address', '127.0.0.1:1'],
  scheduler: ['--listen-address', '127.0.0.1:0'],
  edge: ['--cluster', 'alpha'],
  agent: ['--node-name', 'alpha-1', '--ask-price-per-thousand-reference-seconds', '0.2', ...state, ...socket],
  verifier: [...state, ...socket],
} as const;
/** The flag by which a program is given the kubeconfig that it cannot do without. */
const kubeconfigFlags = {
  operator: '--kubeconfig',
  scheduler: '--kubeconfig',
  edge: '--member-kubeconfig',
  agent: '--kubeconfig',
} as const;

function start(program: keyof typeof kubeconfigFlags, kubeconfig: string): Promise<Ended> {
  const flags = ['--metrics-address', '127.0.0.1:0', kubeconfigFlags[program], kubeconfig];
  return run([program, ...commands[program], ...flags]);
}

describe('a program that cannot start says why and ends', () => {
  for (const program of Object.keys(kubeconfigFlags) as (keyof typeof kubeconfigFlags)[]) {
    test(`${program}: a kubeconfig that is no YAML`, { timeout: 30_000 }, async () => {
      const broken = await file('broken.kubeconfig', 'clusters: [\n');
      const { status, said } = await start(program, broken);
      assert.equal(status, 2);
      assert.match(said, /broken\.kubeconfig/);
    });

    test(`${program}: a kubeconfig that does not exist`, { timeout: 30_000 }, async () => {
      const { status, said } = await start(program, join(folder, 'absent.kubeconfig'));
      assert.equal(status, 2);
      assert.match(said, /absent\.kubeconfig/);
    });

    test(`${program}: a kubeconfig whose context names no cluster`, { timeout: 30_000 }, async () => {
      const dangling = {
        apiVersion: 'v1',
        kind: 'Config',
        'current-context': 'here',
        contexts: [{ name: 'here', context: { cluster: 'nowhere', user: 'me' } }],
        clusters: [],
        users: [{ name: 'me', user: {} }],
      };
      const path = await file('dangling.kubeconfig', JSON.stringify(dangling));
      const { status, said } = await start(program, path);
      assert.equal(status, 2);
      assert.match(said, /nowhere/);
    });
  }

  for (const program of Object.keys(commands) as (keyof typeof commands)[]) {
    const needed = program === 'edge' ? ['--member-kubeconfig', unused] : [];

    test(`${program}: a configuration file with a typo`, { timeout: 30_000 }, async () => {
      const path = await file('typo.yaml', 'metricsAdress: 127.0.0.1:0\n');
      const { status, said } = await run([program, ...commands[program], ...needed, '--config', path]);
      assert.equal(status, 2);
      assert.match(said, /typo\.yaml: key "metricsAdress" does not exist; did you mean metricsAddress\?/);
    });

    test(`${program}: a metrics port in use`, { timeout: 30_000 }, async () => {
      const taken = createServer().listen(0, '127.0.0.1');
      await once(taken, 'listening');
      const address = `127.0.0.1:${(taken.address() as AddressInfo).port}`;
      try {
        const { status, said } = await run([program, ...commands[program], ...needed, '--metrics-address', address]);
        assert.equal(status, 3);
        assert.match(
          said,
          new RegExp(`--metrics-address ${address}: another process listens there; stop that process or`),
        );
      } finally {
        taken.close();
      }
    });
  }

  test('scheduler: its own port in use', { timeout: 30_000 }, async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const address = `127.0.0.1:${(taken.address() as AddressInfo).port}`;
    try {
      const args = ['--kubeconfig', unused, '--listen-address', address, '--metrics-address', '127.0.0.1:0'];
      const { status, said } = await run(['scheduler', ...args]);
      assert.equal(status, 3);
      assert.match(said, new RegExp(address));
    } finally {
      taken.close();
    }
  });

  test('a flag, a variable and a value with a slip', { timeout: 30_000 }, async () => {
    const flag = await run(['scheduler', '--listen-adress', '127.0.0.1:0']);
    assert.deepEqual([flag.status, /--listen-address/.test(flag.said)], [2, true], flag.said);
    const variable = await run(['scheduler'], { ISOCHRONE_LISTEN_ADRESS: '127.0.0.1:0' });
    assert.deepEqual([variable.status, /ISOCHRONE_LISTEN_ADDRESS/.test(variable.said)], [2, true], variable.said);
    const value = await run(['scheduler', '--log-level', 'loud']);
    assert.deepEqual([value.status, /choose one of/.test(value.said)], [2, true], value.said);
  });
});

/** A kubeconfig without fault whose server does not answer. */
function unreachable(): object {
  return {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'here',
    contexts: [{ name: 'here', context: { cluster: 'here', user: 'me' } }],
    clusters: [{ name: 'here', cluster: { server: 'https://127.0.0.1:1' } }],
    users: [{ name: 'me', user: {} }],
  };
}
