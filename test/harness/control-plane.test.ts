import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { eventually, kubectl, startControlPlane } from '@isochrone/tools/local';
import { withControlPlane } from './parts.ts';

const plane = await withControlPlane();

describe('a control plane', () => {
  test('serves every API of crds/', async () => {
    const served = await kubectl(plane.adminKubeconfig, ['api-resources', '--api-group=isochrone.dev', '-o', 'name']);
    const files = readdirSync(join(import.meta.dirname, '..', '..', 'crds')).filter((file) => file.endsWith('.yaml'));
    assert.equal(served.trim().split('\n').length, files.length);
    assert.match(served, /^inferencejobs\.isochrone\.dev$/m);
  });

  test('lets a client certificate do what RBAC says, and no more', async () => {
    const { adminKubeconfig } = plane;
    await kubectl(adminKubeconfig, ['create', 'role', 'reader', '--verb=get,list', '--resource=configmaps']);
    await kubectl(adminKubeconfig, ['create', 'rolebinding', 'alice', '--role=reader', '--user=alice']);
    await kubectl(adminKubeconfig, ['create', 'rolebinding', 'ops', '--role=reader', '--group=ops']);
    const alice = await plane.kubeconfigFor('alice');
    await kubectl(alice, ['get', 'configmaps']);
    await assert.rejects(kubectl(alice, ['get', 'secrets']), /User "alice" cannot list resource "secrets"/);
    await assert.rejects(kubectl(alice, ['get', 'configmaps', '-A']), /forbidden/i);
    await kubectl(await plane.kubeconfigFor('bob', ['ops']), ['get', 'configmaps']);
    await assert.rejects(kubectl(await plane.kubeconfigFor('carol'), ['get', 'configmaps']), /forbidden/i);
  });

  test('issues ServiceAccount tokens by TokenRequest, and takes them', async () => {
    const { adminKubeconfig } = plane;
    await kubectl(adminKubeconfig, ['create', 'serviceaccount', 'robot']);
    const token = (await kubectl(adminKubeconfig, ['create', 'token', 'robot', '--duration=10m'])).trim();
    const robot = await plane.kubeconfigForToken('robot', token);
    assert.match(await kubectl(robot, ['auth', 'whoami']), /system:serviceaccount:default:robot/);
    await assert.rejects(kubectl(robot, ['get', 'pods']), /forbidden/i);
    const forged = await plane.kubeconfigForToken('forged', `${token.slice(0, -4)}AAAA`);
    await assert.rejects(kubectl(forged, ['auth', 'whoami']), /Unauthorized|must be logged in/i);
  });

  test('keeps its data and address over a restart of the API server', async () => {
    const { adminKubeconfig } = plane;
    await kubectl(adminKubeconfig, ['create', 'configmap', 'kept']);
    await plane.restartApiServer();
    await kubectl(adminKubeconfig, ['get', 'configmap', 'kept']);
    await plane.stopApiServer();
    await assert.rejects(kubectl(adminKubeconfig, ['get', 'configmap', 'kept']), /refused/);
    await plane.startApiServer();
    await kubectl(adminKubeconfig, ['get', 'configmap', 'kept']);
  });

  test('recovers from a kill -9 of etcd', async () => {
    const { adminKubeconfig } = plane;
    await kubectl(adminKubeconfig, ['create', 'configmap', 'survivor']);
    await plane.kill9('etcd');
    await plane.start('etcd');
    await eventually(() => kubectl(adminKubeconfig, ['get', 'configmap', 'survivor', '-o', 'name']), {
      timeout: 30_000,
    });
  });
});

test(
  'with the controller manager, namespaces get their ServiceAccount and are deleted',
  { timeout: 120_000 },
  async () => {
    await using plane = await startControlPlane({ name: 'managed', withControllerManager: true });
    await kubectl(plane.adminKubeconfig, ['create', 'namespace', 'short']);
    await eventually(() =>
      kubectl(plane.adminKubeconfig, ['-n', 'short', 'get', 'serviceaccount', 'default', '-o', 'name']),
    );
    await kubectl(plane.adminKubeconfig, ['-n', 'short', 'create', 'configmap', 'content']);
    await kubectl(plane.adminKubeconfig, ['delete', 'namespace', 'short', '--timeout=30s']);
  },
);

test(
  'two at once, and after the stop no process, port or folder',
  { timeout: 120_000, skip: process.platform !== 'linux' && 'reads /proc' },
  async () => {
    const planes = await Promise.all(['one', 'two'].map((name) => startControlPlane({ name })));
    assert.notEqual(planes[0]!.server, planes[1]!.server);
    for (const { directory } of planes) assert.equal(processesOf(directory).length, 2);
    await Promise.all(planes.map((plane) => plane.stop()));
    for (const { directory, server } of planes) {
      assert.equal(existsSync(directory), false);
      assert.deepEqual(processesOf(directory), []);
      const socket = connect(Number(new URL(server).port), '127.0.0.1');
      await assert.rejects(once(socket, 'connect'), { code: 'ECONNREFUSED' });
    }
  },
);

/** Processes that work in the folder. */
function processesOf(directory: string): string[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => {
      try {
        return readlinkSync(`/proc/${pid}/cwd`).startsWith(directory);
      } catch (error) {
        const gone = ['ENOENT', 'ESRCH', 'EACCES']; // ended meanwhile, or not ours
        if (!gone.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
        return false;
      }
    })
    .map((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8'));
}
