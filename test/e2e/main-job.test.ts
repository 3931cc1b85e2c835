import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import {
  annotations,
  edgeClusterResource,
  edgeNamespace,
  inferenceJobResource,
  inferenceTaskResource,
  names,
  SYSTEM_NAMESPACE,
  type InferenceTask,
} from '@isochrone/api';
import { core, findCondition, isConditionTrue } from '@isochrone/kube';
import { ensureDebianPackages } from '@isochrone/tools/debian';
import { eventually } from '../harness/index.ts';
import { member, providerOf } from '../harness/members.ts';
import { assertBooksBalance, assertPaidOnce, eventuallyNothingLeft, resultOf } from '../harness/settled.ts';
import { BUCKET, NAMESPACE, STORAGE_SECRET, withFederation } from '../harness/test-federation.ts';
import { inputNpy, inputRows, linear, linearModel } from './models.ts';

const noPromtool = await ensureDebianPackages({ packages: ['prometheus'], programs: ['promtool'] });
const RECORDS = 120;
const expected = linear(inputRows(RECORDS));

const world = await withFederation({
  members: [member('hub', '0.30'), member('alpha', '0.20'), member('beta', '0.24')],
  leaseSeconds: 6,
});
const { federation, hub, ledger } = world;

await world.put('input.npy', inputNpy(RECORDS));
await world.put('short.npy', inputNpy(32));
await world.deposit('10.00');
// Takes about a tenth of a second for a record: long enough to be interrupted.
await world.createModel('slow', linearModel({ turns: 60_000 }), { maxBatchSize: 1 });

const manifestOf = (job: string): string => `s3://${BUCKET}/${job}/manifest.json`;

async function tasksOf(cluster: string): Promise<InferenceTask[]> {
  const hubTasks = await hub.list(inferenceTaskResource, { namespace: edgeNamespace(cluster) });
  return hubTasks.items.filter(({ spec }) => spec.type === 'Batch');
}

async function eventuallyRunning(clusters: readonly string[]): Promise<InferenceTask> {
  return eventually(
    async () => (await Promise.all(clusters.map(tasksOf))).flat().find(({ status }) => status?.phase === 'Running'),
    { timeout: 60_000, describe: `a task runs in ${clusters.join(' or ')}` },
  );
}

describe('a job from kubectl apply to money released', () => {
  test(
    'waits for the approval of its model, runs, and becomes visible as a whole',
    { timeout: 180_000 },
    async (context) => {
      // Nobody collects garbage meanwhile: access to storage must end with the task, not some time after it.
      federation.hub.signal('kube-controller-manager', 'SIGSTOP');
      context.after(() => federation.hub.signal('kube-controller-manager', 'SIGCONT'));

      // Given a model whose cost nobody has approved, and a job that wants it
      const model = await world.createModel('linear', linearModel(), { referenceNanosecondsPerRecord: undefined });
      await federation.kubectl(
        ['apply', '-f', '-'],
        JSON.stringify({
          apiVersion: 'isochrone.dev/v1alpha1',
          kind: 'InferenceJob',
          metadata: { name: 'main', namespace: NAMESPACE },
          spec: {
            modelRef: { name: 'linear', version: '1' },
            input: { uri: `s3://${BUCKET}/input.npy`, credentialsSecretRef: { name: STORAGE_SECRET } },
            output: { uri: `s3://${BUCKET}/main/`, credentialsSecretRef: { name: STORAGE_SECRET } },
            recordsPerShard: 16,
            parallelism: 4,
            budget: { total: '1.00' },
          },
        }),
      );
      const waiting = await world.eventuallyJob(
        'main',
        ({ status }) => findCondition(status?.conditions, 'Admitted')?.reason === 'ModelNotApproved',
      );
      assert.match(findCondition(waiting.status?.conditions, 'Admitted')!.message, /referenceNanosecondsPerRecord/);

      // When the administrator approves it
      const versions = [{ ...model.spec.versions[0], referenceNanosecondsPerRecord: 100_000_000 }];
      const approval = JSON.stringify({ spec: { versions } });
      await federation.kubectl(['patch', 'inferencemodel', 'linear', '--type=merge', '-p', approval]);

      // Then nobody sees a manifest before every shard is paid, and it is right
      const uid = waiting.metadata.uid!;
      await eventually(
        async () => {
          const isVisible = await world.has(manifestOf('main'));
          const attempts = await ledger.attempts(uid);
          const paid = attempts.filter(({ purpose, state }) => purpose === 'Work' && state === 'Released');
          if (isVisible && paid.length < 8) throw new Error(`visible with ${paid.length} of 8 shards paid`);
          return isVisible;
        },
        { timeout: 60_000, interval: 50, describe: 'the manifest' },
      );
      await federation.kubectl([
        '-n',
        NAMESPACE,
        'wait',
        '--for=condition=Complete',
        '--timeout=60s',
        'inferencejob/main',
      ]);
      const job = await world.job('main');
      assert.deepEqual(Buffer.from(await resultOf(world, job)), Buffer.from(expected.buffer));
      assert.equal(job.status?.progress, '8/8');
      await assertPaidOnce(world, job);
      await assertBooksBalance(world);
      await eventuallyNothingLeft(world);
      const listed = await federation.kubectl(['-n', NAMESPACE, 'get', 'infj', 'main']);
      assert.match(listed, /main\s+Complete\s+8\/8\s+linear/);
    },
  );

  test('in Full mode every record is re-executed by somebody else', { timeout: 120_000 }, async () => {
    await world.createJob('full', { verification: { mode: 'Full' } });
    const job = await world.completed('full');
    assert.equal(job.status?.verification?.sampledRecords, RECORDS);
    assert.deepEqual(Buffer.from(await resultOf(world, job)), Buffer.from(expected.buffer));
    await assertPaidOnce(world, job);

    const attempts = await ledger.attempts(job.metadata.uid!);
    for (const work of attempts.filter(({ purpose, state }) => purpose === 'Work' && state === 'Released')) {
      const again = attempts.filter(({ verifies, state }) => verifies === work.attempt && state === 'Released');
      assert.ok(again.length > 0, `attempt ${work.attempt} was re-executed`);
      assert.ok(
        again.every(({ provider }) => provider !== work.provider),
        'by another provider',
      );
    }
    await eventuallyNothingLeft(world);
  });
});

describe('a job that is stopped', () => {
  test('by suspend: holds return, verified shards stay, and it goes on', { timeout: 180_000 }, async () => {
    // Given a job with a part of its shards paid and others running
    await world.createJob('paused', { modelRef: { name: 'slow' }, recordsPerShard: 8, parallelism: 2 });
    const running = await world.eventuallyJob(
      'paused',
      ({ status }) => (status?.shards?.complete ?? 0) > 0 && (status?.shards?.running ?? 0) > 0,
      { timeout: 90_000 },
    );
    const uid = running.metadata.uid!;

    // When it is suspended
    await hub.mergePatch(inferenceJobResource, { name: 'paused', namespace: NAMESPACE }, { spec: { suspend: true } });
    await world.eventuallyJob('paused', ({ status }) => isConditionTrue(status?.conditions, 'Suspended'));

    // Then nothing runs, nothing is held, and what was paid is paid
    await eventuallyNothingLeft(world);
    const stopped = await ledger.attempts(uid);
    assert.ok(!stopped.some(({ state }) => state === 'Held'));
    const before = stopped.filter(({ state }) => state === 'Released').length;
    assert.ok(before > 0);
    assert.ok(!(await world.has(manifestOf('paused'))));

    // And when it is resumed it completes, with each shard paid once
    await hub.mergePatch(inferenceJobResource, { name: 'paused', namespace: NAMESPACE }, { spec: { suspend: false } });
    const job = await world.completed('paused');
    assert.deepEqual(Buffer.from(await resultOf(world, job)), Buffer.from(expected.buffer));
    await assertPaidOnce(world, job);
    await assertBooksBalance(world);
  });

  test(
    'by deletion: nothing is left on the hub and on members, and the holds return',
    { timeout: 90_000 },
    async () => {
      const { metadata } = await world.createJob('deleted', { modelRef: { name: 'slow' } });
      await eventuallyRunning(['alpha', 'beta']);
      await federation.kubectl(['-n', NAMESPACE, 'delete', 'inferencejob', 'deleted', '--timeout=30s']);
      await eventuallyNothingLeft(world);
      const held = await ledger.heldAttempts();
      assert.deepEqual(
        held.filter(({ jobUID }) => jobUID === metadata.uid),
        [],
      );
      assert.ok(!(await world.has(manifestOf('deleted'))));
      await assertBooksBalance(world);
    },
  );

  test('by its deadline: it fails, and nothing runs on', { timeout: 90_000 }, async () => {
    await world.createJob('late', { modelRef: { name: 'slow' }, activeDeadlineSeconds: 3 });
    const job = await world.eventuallyJob('late', ({ status }) => isConditionTrue(status?.conditions, 'Failed'));
    const { reason, message } = findCondition(job.status?.conditions, 'Failed')!;
    assert.equal(reason, 'DeadlineExceeded');
    assert.match(message, /activeDeadlineSeconds, 3 s/);
    await eventuallyNothingLeft(world);
    assert.ok(!(await ledger.attempts(job.metadata.uid!)).some(({ state }) => state === 'Held'));
    assert.ok(!(await world.has(manifestOf('late'))));
  });
});

describe('a member that is unreachable', () => {
  test('loses its open work, keeps its objects, and a late result is not paid', { timeout: 240_000 }, async () => {
    // Given work that runs on a member
    await world.createJob('rebound', {
      modelRef: { name: 'slow' },
      input: { uri: `s3://${BUCKET}/short.npy` },
      recordsPerShard: 8,
      parallelism: 4,
    });
    const lost = await eventuallyRunning(['alpha', 'beta']);
    const cluster = lost.metadata.namespace === edgeNamespace('alpha') ? 'alpha' : 'beta';
    const earned = await ledger.balance(`provider/${providerOf(cluster)}`);

    // When its edge operator dies
    await federation.programs.kill9(`edge-${cluster}`);
    await eventually(
      async () => {
        const { status } = await hub.get(edgeClusterResource, { name: cluster });
        return findCondition(status?.conditions, 'Ready')?.reason === 'Unreachable';
      },
      { timeout: 30_000, describe: `${cluster} is Unreachable` },
    );

    // Then the job completes elsewhere, and nothing was deleted on the member
    const job = await world.completed('rebound', { timeout: 150_000 });
    assert.deepEqual(Buffer.from(await resultOf(world, job)), Buffer.from(linear(inputRows(32)).buffer));
    const client = world.members.get(cluster)!;
    const late = await eventually(
      async () => {
        const inSystem = (name: string) => ({ namespace: SYSTEM_NAMESPACE, name });
        const copy = await client.get(inferenceTaskResource, inSystem(lost.metadata.name));
        const { spec } = await client.get(core.leases, inSystem(names.grantLease));
        const grantEnds = Date.parse(spec!.renewTime!) + spec!.leaseDurationSeconds! * 1000;
        // On a slow machine the grant is over before the work is: then there is no result to come late.
        return (copy.status?.phase !== 'Running' || Date.now() > grantEnds) && copy;
      },
      { timeout: 60_000, describe: 'the agent ends its task, or must not go on with it' },
    );
    assert.equal(late.metadata.deletionTimestamp, undefined);

    // And when it is back, its late result changes nothing
    await federation.programs.start(`edge-${cluster}`);
    await eventually(
      async () => isConditionTrue((await hub.get(edgeClusterResource, { name: cluster })).status?.conditions, 'Ready'),
      { timeout: 30_000, describe: `${cluster} is Ready again` },
    );
    await assertPaidOnce(world, job);
    assert.equal(await ledger.balance(`provider/${providerOf(cluster)}`), earned, 'the late result is not paid');
    await assertBooksBalance(world);
    // The outbox keeps it for an hour, should the hub come back from an old backup.
    const orphans = await eventually(async () => {
      const { items } = await client.list(inferenceTaskResource, { namespace: SYSTEM_NAMESPACE });
      return items.every(({ metadata }) => metadata.annotations?.[annotations.orphanedTime] !== undefined) && items;
    });
    assert.ok(orphans.some(({ metadata }) => metadata.name === lost.metadata.name));
    for (const { metadata } of orphans)
      await client.delete(inferenceTaskResource, { namespace: SYSTEM_NAMESPACE, name: metadata.name });
  });
});

describe('the metrics', { skip: noPromtool ?? false }, () => {
  test('of every program are as Prometheus wants them', async () => {
    const { programs } = federation;
    for (const name of programs.names) {
      const exposition = await (await fetch(`${await programs.address(name)}/metrics`)).text();
      assert.match(exposition, /^isochrone_build_info\{/m, name);
      const { status, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: exposition, encoding: 'utf8' });
      assert.equal(status, 0, `${name}: ${stderr}`);
    }
  });
});

describe('programs that hang', () => {
  test('longer than every lease, all of them at once: they go on where they were', { timeout: 240_000 }, async () => {
    // Given a job that runs
    await world.createJob('hung', {
      modelRef: { name: 'slow' },
      input: { uri: `s3://${BUCKET}/short.npy` },
      recordsPerShard: 8,
      parallelism: 2,
    });
    await eventuallyRunning(['alpha', 'beta']);

    // When every process stands still, as on a machine that is starved or suspended
    const lease = { namespace: SYSTEM_NAMESPACE, name: names.operatorLease };
    const before = (await hub.get(core.leases, lease)).spec!;
    const { programs } = federation;
    for (const name of programs.names) programs.signal(name, 'SIGSTOP');
    await eventually(
      async () => Date.now() - Date.parse(before.renewTime!) > 1.2 * 1000 * before.leaseDurationSeconds!,
      {
        timeout: 60_000,
        describe: 'the lease of the operator is over',
      },
    );
    for (const name of programs.names) programs.signal(name, 'SIGCONT');

    // Then the operator leads anew, the job completes, and each shard is paid once
    const job = await world.completed('hung', { timeout: 180_000 });
    const { leaseTransitions } = (await hub.get(core.leases, lease)).spec!;
    assert.ok(leaseTransitions! > before.leaseTransitions!, 'a lease that was lost is taken anew, with a new token');
    assert.deepEqual(Buffer.from(await resultOf(world, job)), Buffer.from(linear(inputRows(32)).buffer));
    await assertPaidOnce(world, job);
    await assertBooksBalance(world);
    await eventuallyNothingLeft(world);
    assert.deepEqual(
      programs.names.filter((name) => !programs.isRunning(name)),
      [],
      'no program died of it',
    );
  });
});
