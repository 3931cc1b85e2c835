import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ensureCluster, existingClusters, loadImages, removeAll, serverOf } from './clusters.ts';
import { hub, members } from './topology.ts';

/** Remembers what it was told to run, and answers. */
function recorder(answer: (line: string) => string = () => ''): {
  lines: string[];
  run: (program: string, args: readonly string[]) => Promise<string>;
} {
  const lines: string[] = [];
  return {
    lines,
    run: async (program, args) => {
      const line = [program, ...args].join(' ');
      lines.push(line);
      return answer(line);
    },
  };
}

test('of the clusters of kind, ours are found', async () => {
  const { run } = recorder(() => 'kind\nisochrone-hub\nisochrone-hub-2\n');
  assert.deepEqual(await existingClusters(run), [hub]);
  assert.deepEqual(await existingClusters(recorder(() => '').run), []);
});

for (const [what, options, line] of [
  [
    'a new one gets a kubeconfig of its own',
    { exists: false },
    'kind create cluster --name isochrone-hub --kubeconfig /f/isochrone-hub.kubeconfig --wait 5m',
  ],
  [
    'an image of the nodes can be given',
    { exists: false, image: 'kindest/node:v1.36.1' },
    'kind create cluster --name isochrone-hub --kubeconfig /f/isochrone-hub.kubeconfig --wait 5m --image kindest/node:v1.36.1',
  ],
  [
    'one that is there is used again',
    { exists: true },
    'kind export kubeconfig --name isochrone-hub --kubeconfig /f/isochrone-hub.kubeconfig',
  ],
] as const) {
  test(`clusters: ${what}`, async () => {
    const { run, lines } = recorder();
    await ensureCluster(run, hub, { folder: '/f', ...options });
    assert.deepEqual(lines, [line]);
  });
}

test('members dial the hub at the address of its container', async () => {
  const { run, lines } = recorder(() => '172.18.0.2\n');
  assert.equal(await serverOf(run, hub), 'https://172.18.0.2:6443');
  assert.ok(lines[0]?.endsWith(' isochrone-hub-control-plane'));
});

test('every archive is loaded', async () => {
  const { run, lines } = recorder();
  await loadImages(run, hub, ['/a.tar', '/b.tar']);
  assert.deepEqual(lines, [
    'kind load image-archive /a.tar --name isochrone-hub',
    'kind load image-archive /b.tar --name isochrone-hub',
  ]);
});

for (const [container, removed] of [
  ['4f1c\n', ['docker rm --force --volumes isochrone-objects']],
  ['', []],
] as const) {
  test(`all clusters are removed, and ${removed.length === 0 ? 'no container where none is' : 'the object store'}`, async () => {
    const { run, lines } = recorder((line) => (line.startsWith('docker ps') ? container : ''));
    await removeAll(run, '/f');
    const deleted = members.map(
      ({ cluster }) => `kind delete cluster --name ${cluster} --kubeconfig /f/${cluster}.kubeconfig`,
    );
    assert.deepEqual(
      lines.filter((line) => !line.startsWith('docker ps')),
      [...deleted, ...removed],
    );
  });
}
