import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { Server, ServerCredentials, status, type sendUnaryData, type ServerUnaryCall } from '@grpc/grpc-js';
import { loadProtos } from '@isochrone/api';
import type { PlaceReply } from '@isochrone/api/proto/isochrone/v1alpha1/PlaceReply';
import type { PlaceRequest__Output } from '@isochrone/api/proto/isochrone/v1alpha1/PlaceRequest';
import { createSchedulerClient } from './scheduler-client.ts';

type Place = (call: ServerUnaryCall<PlaceRequest__Output, PlaceReply>, reply: sendUnaryData<PlaceReply>) => void;

/** A client of a server on loopback that answers as told. */
async function clientOf(place: Place): Promise<ReturnType<typeof createSchedulerClient>> {
  const server = new Server();
  server.addService(loadProtos().isochrone.v1alpha1.Scheduler.service, { Place: place, Explain: place });
  const port = await promisify(server.bindAsync.bind(server))('127.0.0.1:0', ServerCredentials.createInsecure());
  const client = createSchedulerClient({ address: `127.0.0.1:${port}` });
  after(() => {
    client.close();
    server.forceShutdown();
  });
  return client;
}

const requests = (count: number): { workUid: string; attempt: number }[] =>
  Array.from({ length: count }, (_, index) => ({ workUid: 'work', attempt: index + 1 }));

test('more tasks than one call carries go in several calls, and the answers keep their order', async () => {
  const sizes: number[] = [];
  const client = await clientOf(({ request: { tasks } }, reply) => {
    sizes.push(tasks.length);
    reply(null, { placements: tasks.map(({ workUid, attempt }) => ({ workUid, attempt })) });
  });
  const placements = await client.place(requests(1100));
  assert.deepEqual(sizes, [512, 512, 76]);
  assert.deepEqual(
    placements.map(({ attempt }) => attempt),
    requests(1100).map(({ attempt }) => attempt),
  );
});

test('an answer that lacks placements, and a refusal, name the scheduler', async () => {
  const short = await clientOf((_, reply) => reply(null, { placements: [] }));
  await assert.rejects(short.place(requests(2)), {
    code: 'SCHEDULER_UNAVAILABLE',
    message: /0 placements to 2 requests/,
  });
  const refusing = await clientOf((_, reply) => reply({ code: status.UNAVAILABLE, details: 'not synced' }));
  await assert.rejects(refusing.place(requests(1)), {
    code: 'SCHEDULER_UNAVAILABLE',
    message: /UNAVAILABLE not synced/,
  });
  const strict = await clientOf((_, reply) => reply({ code: status.INVALID_ARGUMENT, details: 'tasks[0].origin' }));
  await assert.rejects(strict.place(requests(1)), {
    code: 'SCHEDULER_REFUSED',
    message: /INVALID_ARGUMENT tasks\[0\]\.origin/,
  });
});
