import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  annotations,
  edgeClusterResource,
  edgeNamespace,
  inferenceJobResource,
  inferenceTaskResource,
  labels,
  names,
  SYSTEM_NAMESPACE,
  type InferenceJob,
} from '@isochrone/api';
import { ApiClient, core } from '@isochrone/kube';
import { openLedger, parseMoney, type Ledger } from '@isochrone/ledger';
import { eventually, postgresLacking, startPostgres } from '@isochrone/tools/local';
import { applyRights, kubeconfigOf, withPlane } from '../federation/federation.ts';
import { createProvider, edgeCluster } from '../federation/member.ts';

const isochrone = join(import.meta.dirname, '..', '..', 'cli', 'isochrone.ts');
const JOBS = 60;
const lacking = await postgresLacking();
const folder = await mkdtemp(join(tmpdir(), 'isochrone-backup-'));
after(() => rm(folder, { recursive: true, force: true }));
const hub = await withPlane('hub');
await applyRights(hub, 'operator');
const admin = await ApiClient.fromKubeconfig({ path: hub.adminKubeconfig });
after(() => admin.close());

const arguments_ = (verb: string, location: string, ...more: string[]): string[] => [
  ...[isochrone, verb, '--ledger', location, '--kubeconfig', hub.adminKubeconfig, ...more],
];

function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, args, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });
}

async function withBooks<T>(location: string, use: (ledger: Ledger) => Promise<T>): Promise<T> {
  const ledger = openLedger(location, { now: Date.now });
  return use(ledger).finally(() => ledger.close());
}

const jobs = async (): Promise<InferenceJob[]> => (await admin.list(inferenceJobResource)).items;
const uidOf = ({ metadata, status }: InferenceJob): string => status?.uid ?? metadata.uid!;
/** All money, and who has it. */
function money(location: string): Promise<Record<string, bigint>> {
  return withBooks(location, async (ledger) => {
    const found: Record<string, bigint> = {};
    for (const name of ['external', 'hold', 'namespace/vision', 'provider/alpha'])
      found[name] = await ledger.balance(name);
    return found;
  });
}

/** A hub in the middle of its work: the first job is paid in part and runs, the last one is not in the backup. */
async function work(location: string): Promise<void> {
  const [first] = await jobs();
  await withBooks(location, async (ledger) => {
    const token = await ledger.acquireLeadership('operator');
    await ledger.deposit({ namespace: 'vision', amount: parseMoney('10.00'), idempotencyKey: 'd' });
    const hold = (jobUID: string, attempt: number) =>
      ledger.hold({
        ...{ token, namespace: 'vision', jobUID, attempt, provider: 'alpha', node: 'alpha-1', purpose: 'Work' },
        shards: [{ index: attempt, records: 1, amount: parseMoney('1.00') }],
      });
    await hold(uidOf(first!), 1);
    await ledger.release({ token, jobUID: uidOf(first!), attempt: 1 });
    await hold(uidOf(first!), 2);
    // Made between the reading of the objects and of the books.
    await hold('made-meanwhile', 1);
  });
}

before(async () => {
  await createProvider(admin, 'alpha');
  const cluster = await admin.create(edgeClusterResource, edgeCluster('frankfurt'));
  await admin.create(core.namespaces, {
    metadata: {
      name: edgeNamespace('frankfurt'),
      labels: { [labels.cluster]: 'frankfurt' },
      annotations: { [annotations.originUID]: cluster.metadata.uid! },
    },
  });
  await admin.create(core.namespaces, { metadata: { name: 'vision' } });
  const ref = { namespace: SYSTEM_NAMESPACE, name: names.operatorSecret };
  await admin.create(core.secrets, { metadata: ref, data: { seed: 'eA==' } });
  const spec = {
    modelRef: { name: 'm', version: '1' },
    input: { uri: 's3://in/a.npy' },
    output: { uri: 's3://out/' },
    budget: { total: '5.00' },
  };
  for (let index = 0; index < JOBS; index += 1) {
    const metadata = { name: `job-${String(index).padStart(3, '0')}`, namespace: 'vision' };
    await admin.create(inferenceJobResource, { metadata, spec } as InferenceJob);
  }
});

/** @param waits for the Lease of who was killed; else an administrator removes it */
function describeInterruption(engine: string, waits: boolean, fresh: (name: string) => Promise<string>): void {
  describe(`a restoration into ${engine} that is killed in the middle`, () => {
    const file = join(folder, `${engine}.jsonl.gz`);
    let location = '';
    let atBackup: Record<string, bigint> = {};
    let known: readonly string[] = [];

    test('of a backup with the rights of the operator, whose work goes on', async () => {
      const books = await fresh('before');
      await work(books);
      known = (await jobs()).map(uidOf);
      const made = await run(
        ...arguments_('backup', books, '--output', file, '--kubeconfig', await kubeconfigOf(hub, 'isochrone-operator')),
      );
      assert.equal(made.code, 0, made.stderr);
      atBackup = await money(books);
      // Not in the backup: it is gone afterwards, and told by what the hub has.
      await admin.mergePatch(
        inferenceJobResource,
        { namespace: 'vision', name: 'job-000' },
        { metadata: { labels: { later: 'yes' } } },
      );
    });

    test('is given again, with the same books, and is whole', { timeout: 120_000 }, async () => {
      location = await fresh('restored');
      const child = spawn(process.execPath, arguments_('restore', location, '--replace', file), { stdio: 'ignore' });
      const ended = once(child, 'exit');
      const old = new Set((await jobs()).map(({ metadata }) => metadata.uid));
      await eventually(async () => (await jobs()).some(({ metadata }) => !old.has(metadata.uid)), {
        ...{ interval: 5, timeout: 60_000, describe: 'the first job is made anew' },
      });
      child.kill('SIGKILL');
      await ended;
      const present = (await jobs()).length;
      assert.ok(present > 0 && present < JOBS, `it was killed after ${present} of ${JOBS} jobs`);

      const plain = await run(...arguments_('restore', location, file));
      assert.equal(plain.code, 1);
      assert.match(plain.stderr, /inferencejobs.*give --replace/);
      if (!waits) await admin.delete(core.leases, { namespace: SYSTEM_NAMESPACE, name: names.operatorLease });
      const again = await run(...arguments_('restore', location, '--replace', file, '-o', 'json'));
      assert.equal(again.code, 0, again.stderr);
      const told = JSON.parse(again.stdout) as Record<string, unknown>;
      assert.deepEqual(told, {
        objects: { Provider: 1, EdgeCluster: 1, Namespace: 1, InferenceJob: JOBS, Secret: 1 },
        ledger: 'replayed',
        refunded: 1,
        toEnrol: ['frankfurt'],
      });
    });

    test('brings back every job as the one that it was, and nothing else', async () => {
      const restored = await jobs();
      assert.deepEqual(restored.map(uidOf).sort(), known.toSorted());
      assert.ok(
        restored.every(({ spec }) => !spec.suspend),
        'none stays held back',
      );
      assert.ok(restored.every(({ metadata }) => metadata.labels?.['later'] === undefined));
      assert.equal((await admin.list(inferenceTaskResource)).items.length, 0);
    });

    test('conserves the money, and gives no attempt out twice', async () => {
      const one = parseMoney('1.00');
      const now = await money(location);
      assert.equal(
        Object.values(now).reduce((sum, balance) => sum + balance, 0n),
        0n,
      );
      const { hold, 'namespace/vision': vision, ...rest } = atBackup;
      assert.deepEqual(now, { hold: hold! - one, 'namespace/vision': vision! + one, ...rest }, 'but for the orphan');
      await withBooks(location, async (ledger) => {
        await ledger.check();
        assert.ok((await ledger.highestAttempt(known[0]!)) > 2);
        assert.ok((await ledger.highestAttempt('made-meanwhile')) > 1);
        const token = await ledger.acquireLeadership('operator');
        const paid = { token, jobUID: known[0]!, attempt: 1 };
        assert.equal(await ledger.release(paid), 'replayed', 'what was paid is not paid again');
      });
      assert.deepEqual(await money(location), now);
    });

    test('goes into no other books, and no other backup into these', async () => {
      const used = await fresh('used');
      await withBooks(used, (ledger) => ledger.deposit({ namespace: 'n', amount: 1n, idempotencyKey: 'd' }));
      const full = await run(...arguments_('restore', used, '--replace', file));
      assert.equal(full.code, 1);
      assert.match(full.stderr, /LEDGER_NOT_EMPTY/);
      const damaged = join(folder, 'damaged');
      await writeFile(damaged, (await readFile(file)).subarray(0, -20));
      const refused = await run(...arguments_('restore', await fresh('untouched'), '--replace', damaged));
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, /damaged or no backup/);
      assert.equal((await jobs()).length, JOBS, 'nothing was touched');
    });
  });
}

describeInterruption('SQLite', true, (name) => Promise.resolve(join(folder, `${name}.sqlite`)));

if (lacking === undefined) {
  const server = await startPostgres();
  after(() => server.stop());
  describeInterruption('PostgreSQL', false, (name) => server.createDatabase(name));
} else {
  test('restorations into PostgreSQL', { skip: lacking });
}
