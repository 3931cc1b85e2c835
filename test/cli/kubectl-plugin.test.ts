import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { kubectl, withControlPlane, withObjectStore } from '@isochrone/test/harness';
import { createBucket, storageClient } from '@isochrone/cli/demo';
import { storageSecret } from '@isochrone/tools/local';
import { parse } from 'yaml';

const programs = join(import.meta.dirname, '..', '..', 'cli');

interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(program: string, ...args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, [join(programs, program), ...args], (error, stdout, stderr) => {
      resolve({ status: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

/** What is special in URLs is legal in keys. */
const prefix = 'out é #1?/';
const bytes = { '000000': Buffer.from('shard zero'), '000001': Buffer.from('shard one!') };
const sha256 = (body: Uint8Array): string => createHash('sha256').update(body).digest('hex');

const plane = await withControlPlane();
const store = await withObjectStore();

describe('kubectl isochrone on a real API server and object store', () => {
  const plugin = (...args: string[]): Promise<Outcome> =>
    run('kubectl-isochrone.ts', ...args, '--kubeconfig', plane.adminKubeconfig);

  const shards = Object.entries(bytes).map(([name, body], index) => ({
    index,
    path: `attempts/t/${name}.npy`,
    sha256: sha256(body),
    sizeBytes: body.length,
    records: 1,
  }));
  const manifest = Buffer.from(JSON.stringify({ shards }));

  before(async () => {
    const admin = plane.adminKubeconfig;
    const secretRef = { name: 'vision-s3' };
    const job = {
      apiVersion: 'isochrone.dev/v1alpha1',
      kind: 'InferenceJob',
      metadata: { name: 'read', namespace: 'vision' },
      spec: {
        modelRef: { name: 'm', version: '1' },
        input: { uri: 's3://vision/in.npy', credentialsSecretRef: secretRef },
        output: { uri: `s3://vision/${prefix}`, credentialsSecretRef: secretRef },
        budget: { total: '1.00' },
      },
    };
    const account = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'isochrone-account', namespace: 'vision' },
      data: {
        currency: 'EUR',
        balance: '9.00',
        held: '0.50',
        spent: '0.50',
        postings: JSON.stringify([
          { posting: '2', kind: 'Hold', amount: '-0.50', reference: 'job 1', time: '2026-11-24T00:00:00Z' },
        ]),
      },
    };
    const cluster = {
      apiVersion: 'isochrone.dev/v1alpha1',
      kind: 'EdgeCluster',
      metadata: { name: 'frankfurt' },
      spec: {
        providerRef: { name: 'p' },
        location: { latitude: '50.11', longitude: '8.68', country: 'DE', region: 'eu-central' },
      },
    };
    const namespaces = ['vision', 'edge-frankfurt'].map((name) => ({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name },
    }));
    const secret = storageSecret(store, { namespace: 'vision', name: 'vision-s3' });
    const objects = [
      ...namespaces,
      secret,
      job,
      account,
      { ...job, metadata: { name: 'later', namespace: 'vision' } },
      cluster,
    ];
    await kubectl(admin, ['apply', '-f', '-'], objects.map((object) => JSON.stringify(object)).join('\n---\n'));
    const status = {
      phase: 'Complete',
      progress: '2/2',
      message: 'Complete',
      manifest: { uri: `s3://vision/${prefix}manifest.json`, sha256: sha256(manifest) },
    };
    await kubectl(admin, [
      'patch',
      'inferencejob',
      'read',
      '-n',
      'vision',
      '--subresource=status',
      '--type=merge',
      '-p',
      JSON.stringify({ status }),
    ]);
    const storage = storageClient(store);
    await createBucket(storage, 'vision');
    await storage.put({ bucket: 'vision', key: `${prefix}manifest.json` }, manifest);
    for (const [name, body] of Object.entries(bytes))
      await storage.put({ bucket: 'vision', key: `${prefix}attempts/t/${name}.npy` }, body);
  });

  test('why tells the state, also as JSON', async () => {
    const text = await plugin('why', 'job/read', '-n', 'vision');
    assert.equal(text.status, 0, text.stderr);
    assert.match(text.stdout, /^InferenceJob vision\/read: Complete, 2\/2 shards complete/);
    const json = JSON.parse((await plugin('why', 'read', '-n', 'vision', '-o', 'json')).stdout) as { phase: string };
    assert.equal(json.phase, 'Complete');
  });

  test('results writes what the manifest names, once', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'isochrone-results-'));
    try {
      const outcome = await plugin('results', 'job/read', '-n', 'vision', '-o', folder);
      assert.equal(outcome.status, 0, outcome.stderr);
      assert.match(outcome.stdout, /2 records, 20 bytes in 2 shards: written to/);
      assert.deepEqual(await readFile(join(folder, '000001.npy')), bytes['000001']);
      const again = await plugin('results', 'job/read', '-n', 'vision', '-o', folder);
      assert.equal(again.status, 2);
      assert.match(again.stderr, /000000\.npy exists; name an empty directory/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('results refuses bytes that are not the ones that were verified', async () => {
    const storage = storageClient(store);
    const key = { bucket: 'vision', key: `${prefix}attempts/t/000001.npy` };
    await storage.put(key, Buffer.from('shard one?'));
    try {
      const outcome = await plugin('results', 'job/read', '-n', 'vision');
      assert.equal(outcome.status, 1);
      assert.match(
        outcome.stderr,
        /s3:\/\/vision\/out é #1\?\/attempts\/t\/000001\.npy has SHA-256 .* promised was .*do not use it/,
      );
    } finally {
      await storage.put(key, bytes['000001']);
    }
  });

  test('statement shows the account', async () => {
    const outcome = await plugin('statement', '-n', 'vision');
    assert.match(outcome.stdout, /vision +9\.00 +0\.50 +0\.50 +EUR/);
    assert.match(outcome.stdout, /Hold +-0\.50 +job 1/);
    const none = await plugin('statement', '-n', 'default');
    assert.equal(none.status, 4);
    assert.match(none.stderr, /namespace default has no account/);
  });

  test('edge credentials prints a kubeconfig that works, or says why not', async () => {
    const early = await plugin('edge', 'credentials', 'frankfurt');
    assert.equal(early.status, 1);
    assert.match(early.stderr, /EdgeCluster frankfurt has no credential yet/);
    const namespace = 'edge-frankfurt';
    for (const [kind, name] of [
      ['Secret', 'isochrone-edge-credential'],
      ['ServiceAccount', 'isochrone-edge'],
    ]) {
      const object = { apiVersion: 'v1', kind, metadata: { name, namespace } };
      await kubectl(plane.adminKubeconfig, ['apply', '-f', '-'], JSON.stringify(object));
    }
    const outcome = await plugin('edge', 'credentials', 'frankfurt', '-o', 'json');
    assert.equal(outcome.status, 0, outcome.stderr);
    const kubeconfig = join(await mkdtemp(join(tmpdir(), 'isochrone-edge-')), 'kubeconfig');
    await writeFile(kubeconfig, outcome.stdout, { mode: 0o600 });
    const whoami = await kubectl(kubeconfig, ['auth', 'whoami', '-o', 'json']);
    assert.match(whoami, new RegExp(`"system:serviceaccount:${namespace}:isochrone-edge"`));
    assert.match(await kubectl(kubeconfig, ['config', 'view']), new RegExp(`server: ${plane.server}`));
    assert.equal((await plugin('edge', 'credentials', 'nowhere')).status, 4);
  });

  test('trust gives a quarantined node its work back, once', async () => {
    const admin = plane.adminKubeconfig;
    const manifest = join(import.meta.dirname, '..', 'crds', 'valid', 'inferencenode-minimal.yaml');
    const node = parse(await readFile(manifest, 'utf8')) as { metadata: object };
    const metadata = { name: 'frankfurt-1', namespace: 'edge-frankfurt' };
    await kubectl(admin, ['apply', '-f', '-'], JSON.stringify({ ...node, metadata }));
    const conditions = ['Ready', 'Trusted'].map((type) => ({
      ...{ type, status: 'False', reason: 'Quarantined', message: 'job vision/read: row 3' },
      lastTransitionTime: '2026-11-24T00:00:00Z',
    }));
    const patch = ['--subresource=status', '--type=merge', '-p', JSON.stringify({ status: { conditions } })];
    await kubectl(admin, ['patch', 'inferencenode', 'frankfurt-1', '-n', 'edge-frankfurt', ...patch]);

    const object = 'inferencenode.isochrone.dev/frankfurt-1';
    const outcome = await plugin('trust', 'frankfurt-1', '-o', 'json');
    assert.equal(outcome.status, 0, outcome.stderr);
    assert.deepEqual(JSON.parse(outcome.stdout), { object, cluster: 'frankfurt', trusted: true, changed: true });
    assert.equal((await plugin('trust', 'frankfurt/frankfurt-1')).stdout, `${object} already trusted\n`);
    assert.equal((await plugin('trust', 'frankfurt-1', '-o', 'name')).stdout, `${object}\n`);
    const path = 'jsonpath={range .status.conditions[*]}{.type} {.status} {.reason} {.message}{"\\n"}{end}';
    assert.equal(
      await kubectl(admin, ['get', 'inferencenode', 'frankfurt-1', '-n', 'edge-frankfurt', '-o', path]),
      'Ready False Quarantined job vision/read: row 3\nTrusted True NoEvidenceAgainst given back by an administrator after: job vision/read: row 3\n',
    );
    assert.equal((await plugin('trust', 'nowhere-1')).status, 4);
    const member = await plugin('trust', 'edge/frankfurt');
    assert.equal(member.status, 2);
    assert.match(member.stderr, /write NODE or CLUSTER\/NODE/);
  });

  test('exit statuses: nothing there, not ready, forbidden, unreachable, wrong usage', async () => {
    assert.equal((await plugin('why', 'job/none', '-n', 'vision')).status, 4);
    const later = await plugin('results', 'job/later', '-n', 'vision');
    assert.equal(later.status, 1);
    assert.match(later.stderr, /has no results yet \(Pending\); kubectl isochrone why job\/later/);
    const stranger = await plane.kubeconfigFor('stranger');
    assert.equal(
      (await run('kubectl-isochrone.ts', 'why', 'job/read', '-n', 'vision', '--kubeconfig', stranger)).status,
      5,
    );
    for (const args of [['why', 'pod/x'], ['why'], ['what'], ['why', 'job/read', '-o', 'xml']]) {
      assert.equal((await plugin(...args)).status, 2, args.join(' '));
    }
    assert.equal((await run('kubectl-isochrone.ts', 'why', 'job/read', '--kubeconfig', '/nowhere')).status, 2);
    const before = await run(
      'kubectl-isochrone.ts',
      '--kubeconfig',
      plane.adminKubeconfig,
      '-n',
      'vision',
      'why',
      'read',
    );
    assert.equal(before.status, 0, before.stderr);
    const strange = await plugin('why', 'job/read', '--context', 'nowhere');
    assert.equal(strange.status, 2, strange.stderr);
  });
});

test('isochrone ledger: deposit once, look, prove', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'isochrone-ledger-'));
  const ledger = ['--ledger', join(folder, 'books.sqlite')];
  const deposit = (...args: string[]): Promise<Outcome> =>
    run('isochrone.ts', 'ledger', 'deposit', 'vision', '5.00', '--idempotency-key', 'k', ...ledger, ...args);
  try {
    const mistyped = await deposit();
    assert.equal(mistyped.status, 4);
    assert.match(mistyped.stderr, /there are no books in .*books\.sqlite; name the ledger of the operator/);
    assert.match((await deposit('--create')).stdout, /5\.00 deposited; balance of vision: 5\.00/);
    assert.match((await deposit()).stdout, /nothing changed; balance of vision: 5\.00/);
    assert.match(
      (await run('isochrone.ts', 'ledger', 'balance', 'vision', ...ledger)).stdout,
      /vision +5\.00 +0\.00 +0\.00/,
    );
    const statement = JSON.parse(
      (await run('isochrone.ts', 'ledger', 'statement', 'namespace/vision', '-o', 'json', ...ledger)).stdout,
    ) as { entries: unknown[] };
    assert.equal(statement.entries.length, 1);
    assert.equal((await run('isochrone.ts', 'ledger', 'check', ...ledger)).status, 0);
    const bad = await run('isochrone.ts', 'ledger', 'deposit', 'vision', 'five', ...ledger);
    assert.equal(bad.status, 2);
    assert.match(bad.stderr, /"five" is not an amount/);
    const slip = await run('isochrone.ts', 'ledger', 'deposit', 'Vi sion/..', '5.00', ...ledger);
    assert.equal(slip.status, 2);
    assert.match(slip.stderr, /namespace is "Vi sion\/\.\."; write the name of a Kubernetes namespace/);
    const config = join(folder, 'operator.yaml');
    await writeFile(config, `ledger: ${join(folder, 'books.sqlite')}\nschedulerAddress: scheduler:7300\n`);
    assert.match(
      (await run('isochrone.ts', 'ledger', 'balance', 'vision', '--config', config)).stdout,
      /vision +5\.00/,
    );
    const wide = await run('isochrone.ts', 'ledger', 'balance', 'vision', '-o', 'wide', ...ledger);
    assert.equal(wide.status, 2);
    assert.equal((await run('isochrone.ts', 'ledger', 'check')).status, 2, 'no ledger is named');
    const away = ['--ledger', 'postgresql://me@127.0.0.1:1/books'];
    const lost = await run('isochrone.ts', 'ledger', 'deposit', 'vision', '5.00', ...away);
    assert.equal(lost.status, 3);
    assert.match(lost.stderr, /deposited once: --idempotency-key [-0-9a-f]{36}/);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('the process of the operator does not load onnxruntime', async () => {
  const script = `const { services } = await import(${JSON.stringify(join(programs, 'services.ts'))});
    await services.operator.load();
    const report = process.report.getReport();
    console.log(report.sharedObjects.some((path) => path.includes('onnxruntime')));`;
  const { stdout } = await new Promise<Outcome>((resolve) => {
    execFile(process.execPath, ['--input-type=module', '-e', script], (error, stdout, stderr) => {
      resolve({ status: error === null ? 0 : 1, stdout, stderr });
    });
  });
  assert.equal(stdout.trim(), 'false');
});
