import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, rename, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, describe, test } from 'node:test';
import { promisify } from 'node:util';
import {
  edgeClusterResource,
  edgeNamespace,
  inferenceJobResource,
  inferenceNodeResource,
  type InferenceJob,
} from '@isochrone/api';
import { core, isConditionTrue } from '@isochrone/kube';
import { openLedger, type AttemptRecord, type Ledger } from '@isochrone/ledger';
import { inputNpy, inputRows, linear, linearModel } from '../e2e/models.ts';
import { postgresLacking, startPostgres } from '@isochrone/tools/local';
import { eventually } from '../harness/index.ts';
import { member } from '../harness/members.ts';
import { assertPaidOnce, eventuallyNothingLeft, resultOf } from '../harness/settled.ts';
import { BUCKET, NAMESPACE, withFederation, type TestFederation } from '../harness/test-federation.ts';

const run = promisify(execFile);
const clusters = ['hub', 'alpha', 'beta'] as const;
const RECORDS = 96;
const expected = linear(inputRows(RECORDS));

const world = await withFederation({
  members: [member('hub', '0.30'), member('alpha', '0.20'), member('beta', '0.24')],
  leaseSeconds: 6,
});
const { federation, hub } = world;
const folder = dirname(federation.ledger);
const backup = join(folder, 'backup.jsonl.gz');

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function isochrone(...args: string[]): Promise<Outcome> {
  const env = { ...process.env, KUBECONFIG: federation.hub.adminKubeconfig, ISOCHRONE_LEDGER: federation.ledger };
  try {
    return { code: 0, ...(await run(join(federation.bin, 'isochrone'), args, { env })) };
  } catch (error) {
    return error as Outcome;
  }
}

/** Gone: the books, as when the disk of the operator is lost. */
async function loseLedger(as: string): Promise<Ledger> {
  const path = join(folder, as);
  for (const suffix of ['', '-wal', '-shm'])
    await rename(`${federation.ledger}${suffix}`, `${path}${suffix}`).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    });
  return opened(path);
}

const ledgers: Ledger[] = [];
after(async () => {
  for (const ledger of ledgers) await ledger.close();
});

function opened(path: string): Ledger {
  const ledger = openLedger(path, { now: Date.now, create: false });
  ledgers.push(ledger);
  return ledger;
}

const uidOf = ({ metadata, status }: InferenceJob): string => status?.uid ?? metadata.uid!;
const paidWork = (attempts: readonly AttemptRecord[]): AttemptRecord[] =>
  attempts.filter(({ purpose, state }) => purpose === 'Work' && state === 'Released');

async function attemptsOf(ledger: Ledger, names: readonly string[]): Promise<AttemptRecord[]> {
  const found: AttemptRecord[] = [];
  for (const name of names) found.push(...(await ledger.attempts(uidOf(await world.job(name)))));
  return found;
}

async function settled(name: string, ledger: Ledger): Promise<InferenceJob> {
  const job = await world.completed(name, { timeout: 150_000 });
  const now = { ...world, ledger } as TestFederation;
  await assertPaidOnce(now, job);
  assert.deepEqual(Buffer.from(await resultOf(world, job)), Buffer.from(expected.buffer), name);
  return job;
}

describe('an old backup under running edges', () => {
  let manifest: Uint8Array;
  let lost: Ledger;

  test('is made in the middle of jobs, while the operator runs', { timeout: 240_000 }, async () => {
    await world.put('input.npy', inputNpy(RECORDS));
    await world.deposit('20.00');
    await world.createModel('linear', linearModel());
    await world.createModel('slow', linearModel({ turns: 60_000 }), { maxBatchSize: 1 });
    await world.createJob('done');
    await world.completed('done');
    const modelRef = { name: 'slow', version: '1' };
    await world.createJob('finishes', { modelRef });
    await world.createJob('goes-on', { modelRef, parallelism: 1 });
    for (const name of ['finishes', 'goes-on']) {
      const { metadata } = await world.job(name);
      await eventually(
        async () => {
          const attempts = await world.ledger.attempts(metadata.uid!);
          return paidWork(attempts).length > 0 && attempts.some(({ state }) => state === 'Held');
        },
        { timeout: 120_000, interval: 50, describe: `${name} is half done` },
      );
    }

    const made = await isochrone('backup', '--output', backup);

    assert.equal(made.code, 0, made.stderr);
    assert.match(made.stderr, /InferenceJob +3/);
    assert.match(made.stderr, /keep it as you keep Secrets/);
    assert.equal((await stat(backup)).mode & 0o777, 0o600);
    // Meanwhile time goes on.
    const uid = uidOf(await world.job('goes-on'));
    const before = await world.ledger.highestAttempt(uid);
    await eventually(async () => (await world.ledger.highestAttempt(uid)) > before, {
      timeout: 120_000,
      interval: 50,
      describe: 'attempts that the backup does not know',
    });
    await hub.mergePatch(inferenceJobResource, { namespace: NAMESPACE, name: 'goes-on' }, { spec: { suspend: true } });
    const again = await isochrone('backup', '--output', backup);
    assert.equal(again.code, 2);
    assert.match(again.stderr, /exists; name a new file/);
  });

  test('is not restored while an operator leads, or over what is there', { timeout: 120_000 }, async () => {
    const full = await isochrone('restore', backup);
    assert.equal(full.code, 1);
    assert.match(full.stderr, /inferencejobs.*restore into an empty hub, or give --replace/);
    const led = await isochrone('restore', backup, '--replace', '--ledger', join(folder, 'other.sqlite'));
    assert.equal(led.code, 3);
    assert.match(led.stderr, /leads this hub; stop it first: kubectl -n isochrone-system scale/);
    assert.equal((await hub.list(inferenceJobResource)).items.length, 3, 'nothing was touched');
  });

  test(
    'is not restored into books that have entries; one job has committed its result by then',
    { timeout: 240_000 },
    async () => {
      const job = await world.completed('finishes', { timeout: 150_000 });
      manifest = await world.get(job.status!.manifest!.uri!);
      assert.ok(!isConditionTrue((await world.job('goes-on')).status?.conditions, 'Complete'));
      await federation.programs.stop('operator');
      const notEmpty = await isochrone('restore', backup, '--replace');
      assert.equal(notEmpty.code, 1);
      assert.match(notEmpty.stderr, /restore into a new file or database/);
      assert.equal((await hub.list(inferenceJobResource)).items.length, 3, 'the ledger is looked at first');
      lost = await loseLedger('lost.sqlite');
    },
  );

  test('brings hub and ledger back; every job ends as it should, and is paid once', { timeout: 400_000 }, async () => {
    const names = ['done', 'finishes', 'goes-on'];
    const known = await attemptsOf(lost, names);

    const restored = await isochrone('restore', backup, '--replace', '-o', 'json');
    assert.equal(restored.code, 0, restored.stderr);
    assert.deepEqual(
      (JSON.parse(restored.stdout) as { toEnrol: string[] }).toEnrol,
      [],
      'edges keep their credentials',
    );
    const ledger = opened(federation.ledger);
    const inBackup = await attemptsOf(ledger, names);
    assert.ok(inBackup.length < known.length, 'the backup is old');
    await federation.programs.start('operator');

    const done = await world.completed('done');
    assert.ok(isConditionTrue(done.status?.conditions, 'Complete'));
    assert.notEqual(done.metadata.uid, uidOf(done));
    const finished = await world.completed('finishes', { timeout: 60_000 });
    assert.deepEqual(
      await world.get(finished.status!.manifest!.uri!),
      manifest,
      'readers see the result that they saw',
    );
    await resultOf(world, finished);
    await settled('goes-on', ledger);

    await ledger.check();
    const now = await attemptsOf(ledger, names);
    assert.ok(!now.some(({ state }) => state === 'Held'));
    const keyOf = ({ jobUID, attempt }: AttemptRecord): string => `${jobUID}/${attempt}`;
    const old = new Set(inBackup.map(keyOf));
    const ofLostTime = new Set(known.map(keyOf).filter((key) => !old.has(key)));
    assert.ok(ofLostTime.size > 0);
    assert.deepEqual(
      now.map(keyOf).filter((key) => ofLostTime.has(key)),
      [],
      'no attempt number is used again',
    );
    const committed = now.filter(({ jobUID }) => jobUID === uidOf(finished));
    assert.deepEqual(
      committed.map(keyOf).filter((key) => !old.has(key)),
      [],
      'nothing of the committed job is run again',
    );
    await eventuallyNothingLeft(world);
  });

  test(
    'after the hub has lost everything, members are enrolled anew and go on',
    { timeout: 400_000 },
    async (context) => {
      // The operator moves to the other engine, where there is one.
      const lacking = await postgresLacking();
      if (lacking !== undefined) context.diagnostic(`into SQLite again: ${lacking}`);
      const server = lacking === undefined ? await startPostgres() : undefined;
      after(() => server?.stop());
      const location = server === undefined ? federation.ledger : await server.createDatabase('books');
      await federation.programs.stop('operator');
      await loseLedger('lost-again.sqlite');
      for await (const job of hub.listAll(inferenceJobResource))
        await hub.mergePatch(
          inferenceJobResource,
          { namespace: NAMESPACE, name: job.metadata.name },
          { metadata: { finalizers: null } },
        );
      await federation.kubectl(['delete', 'inferencejobs', '--all', '-A', '--wait=false']);
      for (const name of clusters) {
        await federation.kubectl([
          'patch',
          'edgecluster',
          name,
          '--type=merge',
          '-p',
          '{"metadata":{"finalizers":null}}',
        ]);
        await federation.kubectl(['delete', 'namespace', edgeNamespace(name), '--timeout=120s']);
      }
      await federation.kubectl(['delete', 'edgeclusters,inferencemodels,providers', '--all']);
      await federation.kubectl([
        '-n',
        'isochrone-system',
        'delete',
        'secret/isochrone-operator',
        'cm/isochrone-sampling',
      ]);

      // A watch outlives its credential, and would bring a member the next one; with a hub that is lost it ends.
      await federation.hub.restartApiServer();
      const restored = await isochrone('restore', backup, '--ledger', location);
      assert.equal(restored.code, 0, restored.stderr);
      assert.match(restored.stdout, /Have these join again.*\n.*edge token create alpha/);
      const nodes = await hub.list(inferenceNodeResource);
      assert.ok(
        nodes.items.some(({ metadata }) => metadata.name === 'beta-1'),
        'pinned keys come back',
      );
      await federation.programs.start('operator', { ledger: location });
      await Promise.all(clusters.map((name) => federation.join(name)));
      for (const name of clusters)
        await eventually(
          async () => isConditionTrue((await hub.get(edgeClusterResource, { name })).status?.conditions, 'Ready'),
          { timeout: 120_000, describe: `${name} is Ready` },
        );
      const ledger = opened(location);
      const job = await world.completed('goes-on', { timeout: 60_000 });
      assert.match(
        job.status!.conditions!.find(({ type }) => type === 'Complete')!.message,
        /before the hub was restored/,
      );
      await world.createJob('new', { output: { uri: `s3://${BUCKET}/new/` } });
      await settled('new', ledger);
      assert.ok((await readFile(federation.programs.logOf('operator'), 'utf8')).length > 0);
      assert.equal((await hub.list(core.namespaces, { fieldSelector: `metadata.name=${NAMESPACE}` })).items.length, 1);
    },
  );
});
