import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { ApiClient, core, issueBoundToken, Metrics, systemClock, type Clock } from '@isochrone/kube';
import { RecordingLogger } from '@isochrone/kube/testing';
import { eventually, startTcpRelay, withControlPlane, type TcpRelay } from '@isochrone/test/harness';
import { Registry } from 'prom-client';
import { converges, follow, namespace, put } from './config-maps.ts';
import { adminClient, counted, type Observed } from './network.ts';

const plane = await withControlPlane({ name: 'kube-rotation', crds: false });

/** The system's clock, whose wall and monotonic time a test moves. */
function movableClock(): Clock & { wall: number; passed: number } {
  const clock = {
    ...systemClock,
    wall: 0,
    passed: 0,
    now: () => systemClock.now() + clock.wall,
    monotonic: () => systemClock.monotonic() + clock.passed,
  };
  return clock;
}

async function relayTo(t: TestContext): Promise<TcpRelay> {
  const { hostname, port } = new URL(plane.server);
  const relay = await startTcpRelay({ host: hostname, port: Number(port) });
  t.after(() => relay.close());
  return relay;
}

function observers(): Omit<Observed, 'client'> {
  const registry = new Registry();
  return { registry, logger: new RecordingLogger(), metrics: new Metrics(registry) };
}

async function userOf(client: ApiClient): Promise<string> {
  const review = await client.request<{ status: { userInfo: { username: string } } }>({
    method: 'POST',
    path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
  });
  return review.status.userInfo.username;
}

/** A client that keeps the token which is in the file now. */
async function clientOfToken(t: TestContext, tokenFile: string): Promise<ApiClient> {
  const client = ApiClient.fromOptions({
    server: plane.server,
    ca: plane.ca,
    token: await readFile(tokenFile, 'utf8'),
  });
  t.after(() => client.close());
  return client;
}

// Each has a relay, a client and objects of its own, and most of them wait.
describe('credentials rotate and clocks jump under a running Informer', { timeout: 60_000, concurrency: 8 }, () => {
  test('a client certificate and its key, in files of a kubeconfig', async (t) => {
    const admin = await adminClient(t, plane);
    const relay = await relayTo(t);
    const file = (name: string): string => join(plane.directory, `rotating.${name}`);
    const install = async (user: string, ...parts: ('crt' | 'key')[]): Promise<void> => {
      const { users } = JSON.parse(await readFile(await plane.kubeconfigFor(user, ['system:masters']), 'utf8')) as {
        users: { user: Record<string, string> }[];
      };
      const { user: fields } = users[0]!;
      const data = { crt: fields['client-certificate-data']!, key: fields['client-key-data']! };
      for (const part of parts) await writeFile(file(part), Buffer.from(data[part], 'base64'));
    };
    await install('first', 'crt', 'key');
    await writeFile(file('ca'), plane.ca);
    await writeFile(
      file('kubeconfig'),
      JSON.stringify({
        ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'c' },
        contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }],
        clusters: [
          { name: 'k', cluster: { server: `https://127.0.0.1:${relay.port}`, 'certificate-authority': file('ca') } },
        ],
        users: [{ name: 'u', user: { 'client-certificate': file('crt'), 'client-key': file('key') } }],
      }),
    );
    const clock = movableClock();
    const say = observers();
    const client = await ApiClient.fromKubeconfig({ path: file('kubeconfig'), clock, ...say });
    t.after(() => client.close());
    const observed = { client, ...say };
    const { informer, replica } = follow(t, observed, 'certificate', { clock });
    await informer.synced();
    assert.equal(await userOf(client), 'first');

    // Half of the new pair is there: the old one is used as long as they do not belong together.
    await install('second', 'crt');
    clock.passed += 20_000;
    relay.reset();
    await put(admin, 'certificate', 'a', '1');
    await converges(admin, 'certificate', replica);
    assert.equal(await userOf(client), 'first');
    assert.ok(
      say.logger.lines.some(({ level, message }) => level === 'warn' && message.startsWith('new credentials cannot')),
    );

    await install('third', 'crt', 'key');
    clock.passed += 20_000;
    relay.reset();
    await put(admin, 'certificate', 'a', '2');
    await converges(admin, 'certificate', replica);
    assert.equal(await userOf(client), 'third');
    assert.ok(say.logger.lines.some(({ message }) => message.startsWith('TLS credentials changed')));
    assert.equal(await counted(observed, 'reflector_lists_total'), 1);
  });

  test('a token in a file, whose predecessor was revoked', async (t) => {
    const admin = await adminClient(t, plane);
    const relay = await relayTo(t);
    const account = { namespace, name: 'rotates' };
    await admin.create(core.serviceAccounts, { metadata: account });
    await admin.create(core.clusterRoleBindings, {
      metadata: { name: 'rotates' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ kind: 'ServiceAccount', ...account }],
    });
    const issue = async (name: string): Promise<string> => {
      const secret = await admin.create(core.secrets, { metadata: { namespace, name } });
      return issueBoundToken(admin, account, 600, secret.metadata);
    };
    const tokenFile = join(plane.directory, 'rotates.token');
    await writeFile(tokenFile, await issue('first-token'));
    const say = observers();
    const client = ApiClient.fromOptions({
      server: `https://127.0.0.1:${relay.port}`,
      ca: plane.ca,
      tokenFile,
      ...say,
    });
    t.after(() => client.close());
    const observed = { client, ...say };
    await eventually(() => client.list(core.configMaps, { namespace, limit: 1 }));
    const { informer, replica } = follow(t, observed, 'token');
    await informer.synced();
    const revoked = await clientOfToken(t, tokenFile);
    await writeFile(tokenFile, await issue('second-token'));
    await admin.delete(core.secrets, { namespace, name: 'first-token' });
    // The server remembers a good token for some seconds.
    await eventually(
      () =>
        revoked.list(core.configMaps, { namespace, limit: 1 }).then(
          () => false,
          () => true,
        ),
      { timeout: 30_000 },
    );
    relay.reset();
    await put(admin, 'token', 'a', '1');
    await converges(admin, 'token', replica);
    assert.ok((await counted(observed, 'rest_client_requests_total', { code: '401' })) >= 1);
    assert.ok(
      say.logger.lines.some(
        ({ message, fields }) => message.startsWith('the server refused our credentials') && fields['changed'] === true,
      ),
    );
    assert.equal(await counted(observed, 'reflector_lists_total'), 1);
  });

  const jumps: Record<string, { wall: number; passed: number; reason: string }> = {
    'the wall clock goes back a year': { wall: -365 * 86_400_000, passed: 0, reason: 'error' },
    'the wall clock goes on a year': { wall: 365 * 86_400_000, passed: 0, reason: 'error' },
    'the machine slept for a day': { wall: 86_400_000, passed: 86_400_000, reason: 'inactive' },
  };
  for (const [index, [name, { reason, ...jump }]] of Object.entries(jumps).entries()) {
    test(name, async (t) => {
      const admin = await adminClient(t, plane);
      const relay = await relayTo(t);
      const clock = movableClock();
      const say = observers();
      const text = (await readFile(plane.adminKubeconfig, 'utf8')).replace(
        plane.server,
        `https://127.0.0.1:${relay.port}`,
      );
      const client = await ApiClient.fromKubeconfig({ text, clock, ...say });
      t.after(() => client.close());
      const observed = { client, ...say };
      const own = `clock-${index}`;
      const { informer, replica } = follow(t, observed, own, { clock, inactivityMilliseconds: 2_000 });
      await informer.synced();
      Object.assign(clock, jump);
      await put(admin, own, 'a', '1');
      await converges(admin, own, replica);
      if (jump.passed === 0) relay.reset();
      await put(admin, own, 'a', '2');
      await converges(admin, own, replica);
      await eventually(async () => (await counted(observed, 'reflector_watch_restarts_total', { reason })) > 0);
      assert.ok(say.logger.lines.some(({ level, fields }) => level === 'warn' && fields['reason'] === reason));
      assert.ok((await counted(observed, 'rest_client_requests_total')) <= 12);
    });
  }
});
