import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { credentials, status, type ServiceError } from '@grpc/grpc-js';
import { loadProtos } from '@isochrone/api';
import type { PlaceReply__Output } from '@isochrone/api/proto/isochrone/v1alpha1/PlaceReply';
import type { TaskRequest as TaskRequestMessage } from '@isochrone/api/proto/isochrone/v1alpha1/TaskRequest';
import pino from 'pino';
import { Registry } from 'prom-client';
import { SchedulerMetrics } from './metrics.ts';
import { Scheduler } from './scheduler.ts';
import { SchedulerServer } from './server.ts';
import { makeClaims, makeFleet, makeRequest } from './testing/fixtures.ts';

function message(fields: Partial<TaskRequestMessage> = {}): TaskRequestMessage {
  return { ...(makeRequest() as TaskRequestMessage), ...fields };
}

describe('the gRPC server', () => {
  const fleet = makeFleet({ name: 'n', device: { slots: 3 } });
  const claims = makeClaims(fleet);
  const registry = new Registry();
  const logger = pino({ level: 'silent' });
  const clock = { monotonic: () => 5000 };
  const metrics = new SchedulerMetrics({ registry, claims, table: fleet.table, clock, lastChangeAt: () => 2000 });
  let readiness: true | string = true;
  const scheduler = new Scheduler({ fleet, claims, valueOfTime: 0.3, seed: 1 });
  const server = new SchedulerServer({ scheduler, metrics, logger, readiness: () => readiness });
  const { isochrone, grpc } = loadProtos();
  let client: InstanceType<typeof isochrone.v1alpha1.Scheduler>;
  let health: InstanceType<typeof grpc.health.v1.Health>;

  before(async () => {
    const address = `127.0.0.1:${await server.listen('127.0.0.1:0')}`;
    client = new isochrone.v1alpha1.Scheduler(address, credentials.createInsecure());
    health = new grpc.health.v1.Health(address, credentials.createInsecure());
  });
  after(async () => {
    client.close();
    health.close();
    await server.close();
  });

  const place = (...tasks: TaskRequestMessage[]): Promise<PlaceReply__Output> =>
    new Promise((resolve, reject) => {
      const done = (error: ServiceError | null, reply?: PlaceReply__Output): void =>
        error ? reject(error) : resolve(reply!);
      client.Place({ tasks }, { deadline: Date.now() + 5000 }, done);
    });
  const servingStatus = (): Promise<string> =>
    new Promise((resolve, reject) => {
      health.Check({ service: '' }, (error, reply) => (error ? reject(error) : resolve(reply!.status)));
    });

  test('before the fleet is known it is not serving, and placements are unavailable', async () => {
    readiness = 'waiting for the first list of InferenceTasks';
    assert.equal(await servingStatus(), 'NOT_SERVING');
    await assert.rejects(place(message()), {
      code: status.UNAVAILABLE,
      details: /NOT_READY: waiting for the first list/,
    });
    readiness = true;
    assert.equal(await servingStatus(), 'SERVING');
  });

  test('a batch is decided in order, each seeing what those before took', async () => {
    const tasks = [1, 2, 3, 4].map((attempt) => message({ attempt }));
    const { placements } = await place(...tasks);
    assert.deepEqual(
      placements.map(({ attempt, binding }) => [attempt, binding?.node]),
      [
        [1, 'n'],
        [2, 'n'],
        [3, 'n'],
        [4, undefined],
      ],
    );
    const again = await place(...tasks);
    assert.deepEqual(
      again.placements.map(({ binding }) => binding),
      placements.map(({ binding }) => binding),
    );
  });

  test('every metric is set', async () => {
    const text = await registry.metrics();
    for (const line of [
      'scheduler_placements_total{result="scheduled"} 3',
      'scheduler_placements_total{result="unschedulable"} 2',
      'scheduler_placements_total{result="repeated"} 3',
      'scheduler_scheduling_attempt_duration_seconds_count{result="unschedulable"} 2',
      'scheduler_plugin_rejects_total{plugin="DeviceCapacity",reason="SlotsInUse"} 2',
      'grpc_server_handled_total{grpc_type="unary",grpc_service="isochrone.v1alpha1.Scheduler",grpc_method="Place",grpc_code="OK"} 2',
      'grpc_server_handled_total{grpc_type="unary",grpc_service="isochrone.v1alpha1.Scheduler",grpc_method="Place",grpc_code="Unavailable"} 1',
      'scheduler_device_slots{cluster="n",state="used"} 3',
      'scheduler_devices{cluster="n",state="busy"} 1',
      'scheduler_device_memory_bytes{cluster="n",state="total"} 8589934592',
      'scheduler_price_per_thousand_reference_seconds{cluster="n",bound="mean"} 0.1',
      'scheduler_assumptions 3',
      'scheduler_assumptions_expired_total 0',
      'scheduler_running_tasks 0',
      'scheduler_node_table_rows 1',
      'scheduler_node_table_nodes 1',
      'scheduler_node_table_age_seconds 3',
    ]) {
      assert.ok(text.includes(`${line}\n`), `${line}\n${text}`);
    }
  });

  test('what is withdrawn is free again, as often as it is said; a bad key is refused', async () => {
    const withdraw = (attempts: { workUid: string; attempt: number }[]): Promise<void> =>
      new Promise((resolve, reject) => {
        client.Withdraw({ attempts }, { deadline: Date.now() + 5000 }, (error) => (error ? reject(error) : resolve()));
      });
    const { workUid } = message();
    await withdraw([{ workUid: workUid!, attempt: 3 }]);
    await withdraw([{ workUid: workUid!, attempt: 3 }]);
    assert.equal(claims.assumed, 2);
    await assert.rejects(withdraw([{ workUid: workUid!, attempt: 0 }]), /attempts\[0\]\.attempt is 0/);
    await assert.rejects(withdraw([]), /attempts is "0 attempts"; send 1 to 512/);
  });

  test('a bad field is an INVALID_ARGUMENT that names it', async () => {
    await assert.rejects(place(message({ records: -1 })), {
      code: status.INVALID_ARGUMENT,
      details: 'ARGUMENT_INVALID: tasks[0].records is -1; send an integer of at least 0',
    });
  });

  test('more than the largest message is refused', async () => {
    const excludedProviders = Array.from({ length: 30_000 }, () => 'x'.repeat(200));
    await assert.rejects(place(message({ excludedProviders })), { code: status.RESOURCE_EXHAUSTED });
  });

  test('an address in use is a clear error', async () => {
    const other = new SchedulerServer({ scheduler, metrics, logger, readiness: () => true });
    const port = await other.listen('127.0.0.1:0');
    await assert.rejects(server.listen(`127.0.0.1:${port}`), {
      code: 'ADDRESS_UNAVAILABLE',
      message: new RegExp(`--listen-address 127.0.0.1:${port}`),
    });
    await other.close();
  });
});
