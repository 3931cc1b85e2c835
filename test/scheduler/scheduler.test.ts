import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { inferenceTaskResource } from '@isochrone/api';
import type { TaskRequest } from '@isochrone/api/proto/isochrone/v1alpha1/TaskRequest';
import { ApiClient } from '@isochrone/kube';
import { eventually, withControlPlane } from '@isochrone/test/harness';
import { createMember, createTask, setNodeConditions } from './objects.ts';
import { RunningScheduler } from './running-scheduler.ts';

function request(fields: TaskRequest = {}): TaskRequest & { workUid: string; attempt: number } {
  return {
    workUid: randomUUID(),
    attempt: 1,
    records: 100,
    inputBytes: 1_000_000,
    model: { sha256: 'a'.repeat(64), sizeBytes: 1_000_000, referenceNanosecondsPerRecord: 1_000_000 },
    executionProviders: ['CUDA', 'CPU'],
    deviceMemory: 2 ** 30,
    ...fields,
  } as TaskRequest & { workUid: string; attempt: number };
}

const plane = await withControlPlane();

describe('the scheduler on a real API server', { timeout: 120_000 }, () => {
  let client: ApiClient;
  let scheduler: RunningScheduler;

  const serving = async (): Promise<void> => {
    await eventually(async () => (await scheduler.servingStatus()) === 'SERVING', { describe: 'SERVING' });
  };

  before(async () => {
    client = await ApiClient.fromKubeconfig({ path: plane.adminKubeconfig });
    await createMember(client, { cluster: 'berlin' });
    await createMember(client, { cluster: 'paris', country: 'FR', price: '0.30' });
    await createMember(client, { cluster: 'court', class: 'Trusted' });
    scheduler = await RunningScheduler.start(plane.adminKubeconfig);
    await serving();
  });
  after(async () => {
    await client.close();
  });

  test('is ready once it has read the fleet, and serves its health', async () => {
    assert.deepEqual(scheduler.health.isReady().ok, true);
    assert.equal(await scheduler.servingStatus('isochrone.v1alpha1.Scheduler'), 'SERVING');
    await assert.rejects(scheduler.servingStatus('nobody'), /NOT_FOUND.*nobody/);
  });

  test('places by the objects of the hub, and explains', async () => {
    const [cheapest, french, trusted, nowhere] = await scheduler.explain(
      request({ strategy: 'COST' }),
      request({ allowedCountries: ['FR'], origin: { region: 'eu-central' } }),
      request({ trusted: true }),
      request({ allowedCountries: ['US'] }),
    );
    assert.equal(cheapest!.binding?.cluster, 'berlin');
    assert.equal(cheapest!.binding?.price, 100_000);
    assert.equal(french!.binding?.cluster, 'paris');
    assert.equal(trusted!.binding?.cluster, 'court');
    assert.equal(nowhere!.binding, null);
    assert.equal(nowhere!.explanation?.message, '0/3 nodes fit: 2 AllowedCountries, 1 TrustedClass');
    assert.equal(nowhere!.explanation?.resolvable, false);
    assert.equal(cheapest!.explanation?.candidates.length, 2);
  });

  test('names the field of a bad request', async () => {
    await assert.rejects(
      scheduler.place(request({ deviceMemory: 0 })),
      /INVALID_ARGUMENT.*tasks\[0\]\.device_memory is 0/,
    );
  });

  test('a node that is quarantined gets nothing until it is trusted again', async () => {
    const work = request({ allowedCountries: ['FR'] });
    await setNodeConditions(client, 'paris', { Ready: 'True', Trusted: 'False' });
    await eventually(async () => {
      const [placement] = await scheduler.explain(work);
      assert.equal(placement!.binding, null);
      assert.match(placement!.explanation!.message, /1 NodeReady/);
      assert.equal(placement!.explanation!.resolvable, true);
      return true;
    });
    await setNodeConditions(client, 'paris', { Ready: 'True', Trusted: 'True' });
    await eventually(async () => (await scheduler.explain(work))[0]!.binding);
  });

  test('capacity survives a restart, and an attempt keeps its node', async () => {
    const only = { allowedCountries: ['DE'] };
    const works = [request(only), request(only), request(only)];
    const placements = await scheduler.place(...works);
    assert.deepEqual(
      placements.map(({ binding }) => binding?.node),
      ['node-1', 'node-1', undefined],
    );
    assert.match(placements[2]!.explanation!.message, /1 DeviceCapacity/);
    assert.deepEqual(await scheduler.place(works[0]!), [
      { ...placements[0]!, explanation: (await scheduler.place(works[0]!))[0]!.explanation },
    ]);
    const tasks = [];
    for (const [index, { workUid, attempt }] of works.slice(0, 2).entries()) {
      tasks.push(await createTask(client, { binding: placements[index]!.binding!, workUid, attempt }));
    }

    assert.ok((await scheduler.stop()) < 10_000);
    scheduler = await RunningScheduler.start(plane.adminKubeconfig);
    await serving();

    const [known, full] = await scheduler.place(works[0]!, works[2]!);
    assert.equal(known!.binding?.node, 'node-1');
    assert.equal(known!.binding?.deviceUuid, placements[0]!.binding?.deviceUuid);
    assert.equal(full!.binding, null);

    // A terminal task and a deleted one free their slots.
    await client.mergePatch(inferenceTaskResource, tasks[0]!, { status: { phase: 'Succeeded', attempt: 1 } } as never, {
      subresource: 'status',
    });
    await client.delete(inferenceTaskResource, tasks[1]!);
    await eventually(async () => {
      const freed = await scheduler.explain(request(only), request(only), request(only));
      assert.deepEqual(
        freed.map(({ binding }) => binding?.cluster),
        ['berlin', 'berlin', undefined],
      );
      return true;
    });
  });

  test('an assumption that no task confirms expires', async () => {
    assert.ok((await scheduler.stop()) < 10_000);
    scheduler = await RunningScheduler.start(plane.adminKubeconfig, { assumeSeconds: 1 });
    await serving();
    const only = { allowedCountries: ['FR'] };
    const [first, second, third] = await scheduler.place(request(only), request(only), request(only));
    assert.ok(first!.binding && second!.binding && third!.binding === null);
    await eventually(async () => (await scheduler.explain(request(only)))[0]!.binding);
    const text = await scheduler.registry.metrics();
    assert.match(text, /^scheduler_assumptions_expired_total 2$/m);
    assert.match(text, /^scheduler_placements_total\{result="unschedulable"\} 1$/m);
    assert.match(text, /^scheduler_plugin_rejects_total\{plugin="DeviceCapacity",reason="SlotsInUse"\} 1$/m);
    assert.match(text, /^scheduler_node_table_rows 3$/m);
    assert.match(text, /^scheduler_scheduling_attempt_duration_seconds_count\{result="scheduled"\} 2$/m);
  });

  test('stops within ten seconds while the API server is away', async () => {
    await plane.stopApiServer();
    assert.ok((await scheduler.stop()) < 10_000);
    await plane.startApiServer();
  });
});
