import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { Registry } from 'prom-client';
import { ApiClient } from './client.ts';
import { ClusterSet, type ClusterSetOptions } from './cluster-set.ts';
import { core } from './core.ts';
import { ClusterNotConnectedError, KubeconfigError } from './errors.ts';
import { FakeClock } from './fake-clock.ts';
import { sendJson, serveHttp } from './http-fixture.ts';
import { Metrics } from './metrics.ts';
import { RecordingLogger } from './recording-logger.ts';

/** A member whose /readyz answers with `status`, and a set on a fake clock. */
async function start(t: TestContext, options: Partial<ClusterSetOptions> = {}) {
  const member = { status: 200, token: 'good' };
  const api = await serveHttp(({ headers }, response) => {
    const status = headers.authorization === `Bearer ${member.token}` ? member.status : 401;
    sendJson(response, status, { kind: 'Status', message: 'x', items: [] });
  });
  const credentials = { token: 'good' };
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const registry = new Registry();
  const stop = new AbortController();
  let connects = 0;
  const set = new ClusterSet({
    connect: async (_cluster, _signal, client) => {
      connects += 1;
      return ApiClient.fromOptions({ ...client, server: api.url, token: credentials.token });
    },
    logger,
    metrics: new Metrics(registry),
    clock,
    random: () => 0.5,
    ...options,
  });
  const changes: string[] = [];
  set.onChange((cluster, { connected, reason }) => changes.push(`${cluster} ${connected ? 'connected' : reason!}`));
  /** Moves the clock a little at a time, since answers come over a real socket, until the condition holds. */
  const until = async (condition: () => boolean): Promise<void> => {
    for (let tick = 0; !condition(); tick++) {
      if (tick > 5_000) assert.fail(`it never came true; ${JSON.stringify(changes)}`);
      await clock.advance(50);
    }
  };
  const run = (): Promise<void> => {
    const running = set.run(stop.signal);
    t.after(async () => {
      stop.abort();
      await running;
    });
    return running;
  };
  return { member, credentials, clock, logger, registry, set, changes, until, run, stop, connects: () => connects };
}

describe('ClusterSet', () => {
  test('a member that is not connected makes callers requeue; a connected one answers', async (t) => {
    const { set, until, run, registry } = await start(t);
    set.add('edge');
    assert.throws(
      () => set.client('edge'),
      (error) => error instanceof ClusterNotConnectedError && error.requeueAfterMilliseconds === 5_000,
    );
    assert.throws(() => set.client('stranger'), ClusterNotConnectedError);
    assert.equal(set.state('stranger'), undefined);
    void run();
    await until(() => set.state('edge')!.connected);
    assert.equal(set.client('edge').name, 'edge');
    assert.deepEqual((await set.client('edge').list(core.nodes)).items, []);
    assert.match(await registry.metrics(), /cluster_connection_up\{cluster="edge"\} 1/);
  });

  test('one failed probe is no disconnection, three in a row are; work ends and begins with the connection', async (t) => {
    const { set, until, run, member, changes, connects } = await start(t);
    const work: string[] = [];
    set.whileConnected('watches', async (cluster, client, signal) => {
      work.push(`begin ${cluster} ${client.name}`);
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      work.push(`end ${cluster}`);
    });
    set.add('edge');
    void run();
    await until(() => set.state('edge')!.connected);
    member.status = 500;
    await until(() => set.state('edge')!.consecutiveFailures === 1);
    assert.equal(set.state('edge')!.connected, true);
    member.status = 200;
    await until(() => set.state('edge')!.consecutiveFailures === 0);
    member.status = 500;
    await until(() => !set.state('edge')!.connected);
    assert.equal(set.state('edge')!.reason, 'Unreachable');
    assert.ok(set.state('edge')!.lastContact !== undefined);
    member.status = 200;
    await until(() => set.state('edge')!.connected);
    assert.deepEqual(changes, ['edge connected', 'edge Unreachable', 'edge connected']);
    assert.deepEqual(work, ['begin edge edge', 'end edge', 'begin edge edge']);
    assert.ok(connects() >= 2);
  });

  test('a 401 disconnects at the first probe, and new credentials reconnect', async (t) => {
    const { set, until, run, member, credentials, changes } = await start(t);
    set.add('edge');
    void run();
    await until(() => set.state('edge')!.connected);
    member.token = 'rotated';
    await until(() => set.state('edge')!.reason === 'Unauthorized');
    credentials.token = 'rotated';
    await until(() => set.state('edge')!.connected);
    assert.deepEqual(changes, ['edge connected', 'edge Unauthorized', 'edge connected']);
  });

  test('a 403 on the probe is contact', async (t) => {
    const { set, until, run, member } = await start(t);
    member.status = 403;
    set.add('edge');
    void run();
    await until(() => set.state('edge')!.connected);
  });

  test('a bad kubeconfig is Misconfigured, and retried with backoff', async (t) => {
    let attempts = 0;
    const { set, until, run, clock } = await start(t, {
      connect: async () => {
        attempts += 1;
        throw new KubeconfigError('no such context');
      },
    });
    set.add('edge');
    void run();
    await until(() => set.state('edge')!.reason === 'Misconfigured');
    assert.equal(set.state('edge')!.message, 'no such context');
    await clock.advance(600_000);
    assert.ok(attempts > 5 && attempts < 25, `${attempts} attempts in ten minutes`);
  });

  test('one member that hangs does not hold up another', async (t) => {
    const { set, until, run } = await start(t);
    const hanging = new ClusterSet({
      connect: (cluster, signal, options) =>
        cluster === 'hangs'
          ? new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
          : Promise.resolve(ApiClient.fromOptions({ ...options, server: set.client('edge').server, token: 'good' })),
      logger: new RecordingLogger(),
      metrics: new Metrics(new Registry()),
    });
    set.add('edge');
    void run();
    await until(() => set.state('edge')!.connected);
    hanging.add('hangs');
    hanging.add('works');
    const stop = new AbortController();
    const connected = new Promise<void>((resolve) => hanging.onChange((_, state) => state.connected && resolve()));
    const running = hanging.run(stop.signal);
    await connected;
    assert.deepEqual(hanging.names(), ['hangs', 'works']);
    assert.equal(hanging.state('hangs')!.connected, false);
    stop.abort();
    await running;
  });

  test('adding again reconnects; removing ends the work and forgets the member', async (t) => {
    const { set, until, run, connects, registry } = await start(t);
    const ended: string[] = [];
    set.whileConnected('watches', async (cluster, _client, signal) => {
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      ended.push(cluster);
    });
    void run();
    set.add('edge');
    await until(() => set.state('edge')!.connected);
    set.add('edge');
    await until(() => connects() === 2 && set.state('edge')!.connected);
    assert.deepEqual(ended, ['edge']);
    await set.remove('edge');
    assert.deepEqual(ended, ['edge', 'edge']);
    assert.deepEqual(set.names(), []);
    assert.throws(() => set.client('edge'), ClusterNotConnectedError);
    assert.doesNotMatch(await registry.metrics(), /cluster_connection_up\{/);
  });

  test('a member that is added again before it has gone begins after it, as another', async (t) => {
    const { set, until, run, changes, registry } = await start(t);
    const windingDown = Promise.withResolvers<undefined>();
    let begun = 0;
    let atOnce = 0;
    set.whileConnected('watches', async (_cluster, _client, signal) => {
      begun += 1;
      atOnce += 1;
      assert.equal(atOnce, 1, 'two works for one cluster');
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      if (begun === 1) await windingDown.promise;
      atOnce -= 1;
    });
    void run();
    set.add('edge');
    await until(() => begun === 1);
    const removed = set.remove('edge');
    set.add('edge');
    assert.equal(set.state('edge')!.reason, 'Connecting');
    windingDown.resolve(undefined);
    await removed;
    await until(() => set.state('edge')!.connected);
    assert.equal(begun, 2);
    assert.deepEqual(changes, ['edge connected', 'edge connected']);
    assert.match(await registry.metrics(), /cluster_connection_up\{cluster="edge"\} 1/);
  });

  test('work that throws is logged and started again', async (t) => {
    const { set, until, run, logger } = await start(t);
    let begun = 0;
    set.whileConnected('fragile', async () => {
      begun += 1;
      if (begun < 3) throw new Error('broke');
    });
    set.add('edge');
    void run();
    await until(() => begun === 3);
    const errors = logger.lines.filter((line) => line.level === 'error');
    assert.deepEqual(
      errors.map((line) => line.fields['work']),
      ['fragile', 'fragile'],
    );
  });
});
