import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { edgeClusterResource, names, SYSTEM_NAMESPACE } from '@isochrone/api';
import { ApiClient, core, isConditionTrue } from '@isochrone/kube';
import { eventually, postgresLacking, ProcessSupervisor, startPostgres } from '@isochrone/tools/local';
import { applyRights, kubeconfigOf, withPlane } from '../federation/federation.ts';
import { createProvider, edgeCluster } from '../federation/member.ts';

const run = promisify(execFile);
const lacking = await postgresLacking();
const isochrone = join(import.meta.dirname, '..', '..', 'cli', 'isochrone.ts');
const replicas = ['operator-0', 'operator-1'];

describe('two operators on one PostgreSQL ledger', { skip: lacking ?? false }, async () => {
  if (lacking !== undefined) return;
  const supervisor = await ProcessSupervisor.create({ name: 'operators' });
  after(() => supervisor.stopAll());
  const postgres = await startPostgres();
  after(() => postgres.stop());
  const hub = await withPlane('hub');
  await applyRights(hub, 'operator');
  const admin = await ApiClient.fromKubeconfig({ path: hub.adminKubeconfig });
  after(() => admin.close());
  const kubeconfig = await kubeconfigOf(hub, 'isochrone-operator');
  await createProvider(admin, 'alpha');
  let clusters = 0;

  const start = async (name: string): Promise<void> => {
    const flags = ['--kubeconfig', kubeconfig, '--scheduler-address', '127.0.0.1:1', '--ledger-poll-seconds', '1'];
    await supervisor.start({
      name,
      command: process.execPath,
      args: [isochrone, 'operator', ...flags, '--metrics-address', '127.0.0.1:0'],
      env: { ISOCHRONE_LEDGER: postgres.url },
    });
  };
  const leader = async (): Promise<string | undefined> => {
    const lease = await admin.find(core.leases, { namespace: SYSTEM_NAMESPACE, name: names.operatorLease });
    return lease?.spec?.holderIdentity || undefined;
  };
  /** A new EdgeCluster is registered: somebody leads and works. */
  const works = async (): Promise<void> => {
    const name = `edge-${++clusters}`;
    await admin.create(edgeClusterResource, edgeCluster(name));
    await eventually(
      async () => isConditionTrue((await admin.get(edgeClusterResource, { name })).status?.conditions, 'Registered'),
      { timeout: 60_000, describe: `${name} is registered` },
    );
  };
  const logOf = async (name: string): Promise<string> => readFile(supervisor.logOf(name), 'utf8');
  const readiness = async (name: string): Promise<string> => {
    const lines = (await logOf(name)).split('\n');
    const started = lines.findLast((line) => line.includes('"metricsAddress"')) ?? '{}';
    const { metricsAddress } = JSON.parse(started) as { metricsAddress: string };
    return (await fetch(`http://${metricsAddress}/readyz`, { headers: { connection: 'close' } })).text();
  };

  test('they wait for PostgreSQL when it is away at the start, and say so', async () => {
    await postgres.kill9();
    for (const name of replicas) await start(name);
    for (const name of replicas) {
      const told = await eventually(async () => {
        const text = await readiness(name);
        return text.includes('cannot be used now') && text;
      });
      assert.match(told, /ECONNREFUSED/);
    }
    assert.equal(await leader(), undefined, 'who has no books does not lead');
    await postgres.start();
    await works();
    for (const name of replicas) await eventually(async () => !(await readiness(name)).includes('cannot be used'));
  });

  test('the administrator deposits into the same books', async () => {
    const env = { ...process.env, ISOCHRONE_LEDGER: postgres.url };
    const ledger = async (...args: string[]): Promise<string> =>
      (await run(process.execPath, [isochrone, 'ledger', ...args], { env })).stdout;
    assert.match(await ledger('deposit', 'vision', '5.00'), /balance of vision: 5\.00/);
    assert.match(await ledger('statement', 'namespace/vision'), /Deposit/);
    assert.match(await ledger('check'), /every invariant/);
    const away = { ...env, ISOCHRONE_LEDGER: 'postgresql://me:secret@127.0.0.1:1/books' };
    await assert.rejects(run(process.execPath, [isochrone, 'ledger', 'check'], { env: away }), (error: object) => {
      const { code, stderr } = error as { code: number; stderr: string };
      assert.equal(code, 3);
      assert.match(stderr, /127\.0\.0\.1:1\/books cannot be used now/);
      assert.doesNotMatch(stderr, /secret/);
      return true;
    });
  });

  const processOf = (holder: string | undefined): Promise<string> =>
    eventually(async () => {
      for (const name of replicas) {
        if ((await logOf(name)).includes(`"identity":"${holder}"`)) return name;
      }
      return undefined;
    });

  test('a leader that is told to stop hands over: nobody waits for the end of its term', async (context) => {
    const holder = await leader();
    const name = await processOf(holder);
    const told = performance.now();
    await supervisor.stop(name);
    assert.notEqual(await leader(), holder, 'the lease is free, or the other has it, once the process is gone');
    await works();
    context.diagnostic(`${((performance.now() - told) / 1000).toFixed(1)} s from SIGTERM to work done by the other`);
    await start(name);
    // A standby counts the term from what it has seen itself, so it is there before the next leader dies.
    await eventually(async () => !(await readiness(name)).includes('failed'), { timeout: 30_000 });
  });

  test('when the leader is killed the other one works after the term of its lease', async (context) => {
    const lease = await admin.get(core.leases, { namespace: SYSTEM_NAMESPACE, name: names.operatorLease });
    assert.equal(lease.spec?.leaseDurationSeconds, 10, 'half of the 20 s that a failover may take');
    const holder = await leader();
    const victim = await processOf(holder);
    const killed = performance.now();
    await supervisor.kill9(victim);
    await works();
    context.diagnostic(`${((performance.now() - killed) / 1000).toFixed(1)} s from kill -9 to work done by the other`);
    assert.notEqual(await leader(), holder);
    await start(victim);
  });

  test('when PostgreSQL is killed under the leader it goes on after its return', { timeout: 120_000 }, async () => {
    await works();
    await postgres.kill9();
    for (const name of replicas) {
      await eventually(async () => (await readiness(name)).includes('cannot be used now'));
    }
    await postgres.start();
    await works();
    for (const name of replicas) {
      assert.ok(supervisor.isRunning(name), `${name} lives`);
      await eventually(async () => !(await readiness(name)).includes('cannot be used'));
    }
  });
});
