import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { parse } from 'yaml';
import { kubectl, withControlPlane } from '../harness/index.ts';

const root = join(import.meta.dirname, '..', '..');
const files = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .sort();

interface Schema {
  type?: string;
  description?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
}
interface Column {
  name: string;
  priority?: number;
}
interface Definition {
  metadata: { name: string };
  spec: {
    names: { kind: string; plural: string; shortNames: string[] };
    versions: { schema: { openAPIV3Schema: Schema }; additionalPrinterColumns: Column[] }[];
  };
}

const definitions = files(join(root, 'crds')).map(
  (name) => parse(readFileSync(join(root, 'crds', name), 'utf8')) as Definition,
);

function undescribed(schema: Schema, path: string): string[] {
  const own = schema.description === undefined && path !== 'metadata' ? [path] : [];
  const properties = Object.entries(schema.properties ?? {}).flatMap(([name, child]) =>
    undescribed(child, path === '' ? name : `${path}.${name}`),
  );
  // The description of a list of scalars is that of the list.
  const items = schema.items?.type === 'object' ? undescribed(schema.items, `${path}[]`) : [];
  return [...own, ...properties, ...items];
}

describe('the schemas', () => {
  for (const { metadata, spec } of definitions) {
    test(`${metadata.name} describes every field`, () => {
      assert.deepEqual(undescribed(spec.versions[0]!.schema.openAPIV3Schema, ''), []);
    });
  }
});

const plane = await withControlPlane();
const run = (args: readonly string[]): Promise<string> => kubectl(plane.adminKubeconfig, args);

describe('an invalid manifest', () => {
  const folder = join(import.meta.dirname, 'invalid');
  test('is one of at least thirty', () => assert.ok(files(folder).length >= 30));
  for (const name of files(folder)) {
    test(`${name} is refused by a message that names the field`, async () => {
      const [, expected = ''] = /^# expected: (.+)$/m.exec(readFileSync(join(folder, name), 'utf8')) ?? [];
      assert.notEqual(expected, '', 'its first line says what is expected');
      await assert.rejects(run(['create', '--validate=strict', '-f', join(folder, name)]), (error: Error) => {
        assert.ok(error.message.includes(expected), `${expected}\nwas not in:\n${error.message}`);
        return true;
      });
    });
  }
});

/** What is in `wanted` is in `stored`, unchanged; the server may have added defaults. */
function assertKept(stored: unknown, wanted: unknown, path: string): void {
  if (typeof wanted !== 'object' || wanted === null) {
    assert.deepEqual(stored, wanted, path);
    return;
  }
  for (const [key, value] of Object.entries(wanted)) {
    assertKept((stored as Record<string, unknown> | undefined)?.[key], value, `${path}.${key}`);
  }
  if (Array.isArray(wanted)) assert.equal((stored as unknown[]).length, wanted.length, path);
}

/** Creates what the file describes for as long as the test runs, also when it fails. */
async function withObject(context: TestContext, path: string): Promise<void> {
  context.after(() => run(['delete', '--ignore-not-found', '-f', path]));
  await run(['create', '-f', path]);
}

describe('a valid manifest', () => {
  const folder = join(import.meta.dirname, 'valid');
  for (const name of files(folder)) {
    test(`${name} comes back as it was written`, async () => {
      const path = join(folder, name);
      const created = await run(['create', '--validate=strict', '-f', path, '-o', 'json']);
      const { spec } = parse(readFileSync(path, 'utf8')) as { spec: unknown };
      assertKept((JSON.parse(created) as { spec: unknown }).spec, spec, 'spec');
      await run(['delete', '-f', path]);
    });
  }
  test('is there for every kind, minimal and full', () => {
    for (const { spec } of definitions) {
      const kind = spec.names.kind.toLowerCase();
      for (const extent of ['minimal', 'full']) assert.ok(files(folder).includes(`${kind}-${extent}.yaml`), kind);
    }
  });
});

describe('kubectl get', () => {
  for (const { spec } of definitions) {
    const { kind, shortNames } = spec.names;
    test(`${kind} shows its columns`, async (context) => {
      await withObject(context, join(import.meta.dirname, 'valid', `${kind.toLowerCase()}-full.yaml`));
      const columns = spec.versions[0]!.additionalPrinterColumns;
      const header = async (...more: string[]): Promise<string> =>
        (await run(['get', shortNames[0]!, ...more])).split('\n')[0]!;
      const titles = (list: Column[]): RegExp =>
        new RegExp(`^NAME\\s+${list.map(({ name }) => name.toUpperCase()).join('\\s+')}\\s*$`);
      const usual = columns.filter(({ priority = 0 }) => priority === 0);
      assert.match(await header(), titles(usual));
      assert.match(await header('-o', 'wide'), titles(columns));
      assert.ok((await run(['get', 'isochrone', '-A', '-o', 'name'])).includes(spec.names.plural.slice(0, -1)));
    });
  }
});

test('tasks are found by their node', async (context) => {
  await withObject(context, join(import.meta.dirname, 'valid', 'inferencetask-full.yaml'));
  const of = (node: string): Promise<string> =>
    run(['get', 'inferencetasks', '--field-selector', `spec.nodeName=${node}`, '-o', 'name']);
  assert.equal((await of('node-1')).trim(), 'inferencetask.isochrone.dev/task-1');
  assert.equal((await of('node-2')).trim(), '');
});

describe('what nobody wrote', () => {
  const defaults: [kind: string, spec: object][] = [
    [
      'inferencejob',
      {
        input: { format: 'Npy' },
        recordsPerShard: 256,
        parallelism: 8,
        suspend: false,
        hardware: { executionProviders: ['CUDA', 'CPU'] },
        placement: { strategy: 'Balanced' },
        verification: { mode: 'Sampled', minSamplePercent: 2 },
        backoffLimitPerShard: 3,
      },
    ],
    ['inferencemodel', { versions: [{ numericProfile: 'FP32Strict', deviceMemory: '1Gi', maxBatchSize: 8 }] }],
    ['edgecluster', { class: 'Edge' }],
  ];
  for (const [kind, expected] of defaults) {
    test(`has its default in an ${kind}`, async (context) => {
      const path = join(import.meta.dirname, 'valid', `${kind}-minimal.yaml`);
      await withObject(context, path);
      const { spec } = JSON.parse(await run(['get', '-f', path, '-o', 'json'])) as { spec: unknown };
      assertKept(spec, expected, 'spec');
    });
  }
});

describe('what must not change', () => {
  const spec = (patch: object): object => ({ spec: patch });
  const version = (patch: object): object => {
    const file = readFileSync(join(import.meta.dirname, 'valid', 'inferencemodel-full.yaml'), 'utf8');
    const [first] = (parse(file) as { spec: { versions: object[] } }).spec.versions;
    return spec({ versions: [{ ...first, ...patch }] });
  };
  const task = 'spec is immutable but for acknowledgedAttempt and challenge';
  const challenged = spec({ acknowledgedAttempt: 1, challenge: { indices: [3, 5] } });
  const patches: [kind: string, patch: object, message: string, before?: object][] = [
    ['edgecluster', spec({ class: 'Edge' }), 'spec.class is immutable'],
    ['edgecluster', spec({ providerRef: { name: 'beta' } }), 'spec.providerRef is immutable'],
    ['edgejoinrequest', spec({ clusterName: 'paris' }), 'spec.clusterName is immutable'],
    ['edgejoinrequest', spec({ expirationTime: '2031-01-01T00:00:00Z' }), 'spec.expirationTime is immutable'],
    ['edgejoinrequest', spec({ cluster: { class: 'Trusted' } }), 'spec.cluster is immutable'],
    [
      'edgejoinrequest',
      spec({ acceptedFingerprint: `SHA256:${'B'.repeat(43)}` }),
      'spec.acceptedFingerprint is set once',
    ],
    ['edgejoinrequest', spec({ acceptedFingerprint: null }), 'spec.acceptedFingerprint is set once'],
    ['inferencejob', spec({ budget: { total: '6' } }), 'spec.budget is immutable'],
    ['inferencejob', spec({ input: { uri: 's3://input/other.npy' } }), 'spec.input is immutable'],
    ['inferencejob', spec({ activeDeadlineSeconds: null }), 'spec.activeDeadlineSeconds is immutable'],
    ['inferencemodel', version({ uri: 's3://models/other.onnx' }), 'uri of a version is immutable'],
    ['inferencemodel', version({ sha256: 'b'.repeat(64) }), 'sha256 of a version is immutable'],
    ['inferencemodel', version({ numericProfile: 'FP32Strict' }), 'numericProfile of a version is immutable'],
    ['inferencemodel', version({ deviceMemory: '3Gi' }), 'deviceMemory of a version is immutable'],
    ['inferencemodel', version({ maxBatchSize: 1 }), 'maxBatchSize of a version is immutable'],
    ['inferencemodel', version({ tolerance: { relativeL2: '9e-1' } }), 'tolerance of a version is immutable'],
    ['inferencemodel', version({ recordShape: [1] }), 'recordShape of a version is immutable'],
    ['inferencetask', spec({ attempt: 2 }), task],
    ['inferencetask', spec({ deviceUUID: 'GPU-2' }), task],
    ['inferencetask', spec({ executionProvider: 'CPU' }), task],
    ['inferencetask', spec({ timeoutSeconds: 1 }), task],
    ['inferencetask', spec({ storageSecretName: 'other' }), task],
    ['inferencetask', spec({ model: { maxBatchSize: 1 } }), task],
    ['inferencetask', spec({ input: { etag: '"f"' } }), 'spec.input is immutable'],
    ['inferencetask', spec({ shards: null }), 'spec.shards is immutable'],
    ['inferencetask', spec({ acknowledgedAttempt: 2 }), 'spec.acknowledgedAttempt is set once', challenged],
    ['inferencetask', spec({ acknowledgedAttempt: null }), 'spec.acknowledgedAttempt is set once', challenged],
    ['inferencetask', spec({ challenge: { indices: [3] } }), 'spec.challenge is drawn once', challenged],
    ['inferencetask', spec({ challenge: null }), 'spec.challenge is drawn once', challenged],
  ];
  for (const [kind, patch, message, before] of patches) {
    test(`${kind}: ${message}: ${JSON.stringify(patch).slice(0, 60)}`, async (context) => {
      const path = join(import.meta.dirname, 'valid', `${kind}-full.yaml`);
      await withObject(context, path);
      const change = (to: object): Promise<string> =>
        run(['patch', '-f', path, '--type=merge', '-p', JSON.stringify(to)]);
      if (before !== undefined) await change(before);
      await assert.rejects(change(patch), (error: Error) => error.message.includes(message));
    });
  }
});

test('what a version of a model may change: its price, and the Secret that reads it', async (context) => {
  const path = join(import.meta.dirname, 'valid', 'inferencemodel-full.yaml');
  await withObject(context, path);
  const [first] = (parse(readFileSync(path, 'utf8')) as { spec: { versions: object[] } }).spec.versions;
  const versions = [{ ...first, referenceNanosecondsPerRecord: 2000, credentialsSecretRef: { name: 'rotated' } }];
  await run(['patch', '-f', path, '--type=merge', '-p', JSON.stringify({ spec: { versions } })]);
});

describe('what a joiner writes', () => {
  const key = `${'A'.repeat(43)}=`;
  const claim = { publicKey: key, clusterName: 'frankfurt', memberUID: 'f3a2', kubernetesVersion: 'v1.34.1+k3s1' };
  const other = { ...claim, publicKey: `${'B'.repeat(43)}=` };
  const cases: [what: string, first: object | undefined, second: object | null, message: string][] = [
    ['another key', { request: claim }, { request: other }, 'status.request is set once'],
    ['no key any more', { request: claim }, { request: null }, 'status.request is set once'],
    ['no status any more', { request: claim }, null, 'status.request is set once'],
    [
      'another rival',
      { request: claim, rival: other },
      { rival: { ...other, memberUID: 'x' } },
      'status.rival is set once',
    ],
    ['a key of the wrong length', undefined, { request: { ...claim, publicKey: 'AAAA' } }, 'status.request.publicKey'],
    [
      'a name that is too long',
      undefined,
      { request: { ...claim, clusterName: 'a'.repeat(59) } },
      'status.request.clusterName',
    ],
    [
      'a version that is no version',
      undefined,
      { request: { ...claim, kubernetesVersion: '<b>' } },
      'status.request.kubernetesVersion',
    ],
    [
      'a large ciphertext',
      undefined,
      { credential: { ephemeralPublicKey: key, ciphertext: 'A'.repeat(40_000), issuedTime: '2030-01-01T00:00:00Z' } },
      'status.credential.ciphertext',
    ],
  ];
  for (const [what, first, second, message] of cases) {
    test(`is refused: ${what}`, async (context) => {
      const path = join(import.meta.dirname, 'valid', 'edgejoinrequest-minimal.yaml');
      await withObject(context, path);
      const write = (status: object | null): Promise<string> =>
        run(['patch', '-f', path, '--subresource=status', '--type=merge', '-p', JSON.stringify({ status })]);
      if (first !== undefined) await write(first);
      await assert.rejects(write(second), (error: Error) => {
        assert.ok(error.message.includes(message), error.message);
        return true;
      });
    });
  }

  test('the same again is no change', async (context) => {
    const path = join(import.meta.dirname, 'valid', 'edgejoinrequest-minimal.yaml');
    await withObject(context, path);
    const body = JSON.stringify({ status: { request: claim } });
    for (let time = 0; time < 2; time++)
      await run(['patch', '-f', path, '--subresource=status', '--type=merge', '-p', body]);
  });
});
