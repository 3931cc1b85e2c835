import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { withObjectStore } from '@isochrone/test/harness';
import {
  hub,
  hubValues,
  memberWorkloads,
  members,
  memberValues,
  objectsArguments,
  upload,
} from '@isochrone/tools/kind';
import { ensureBinaries } from '@isochrone/tools/local';
import { AwsClient } from 'aws4fetch';
import { parseAllDocuments } from 'yaml';

/** What can be told of `make kind` without Docker: that its values are the charts', and its uploads an S3 server's. */
const store = await withObjectStore();
const [helm] = await ensureBinaries(['helm']);

interface Rendered {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec?: { readonly template?: { readonly spec: { readonly containers: readonly { image: string }[] } } };
}

function render(chart: string, values: object): Promise<Rendered[]> {
  const args = ['template', chart, join('charts', chart), '--namespace', 'isochrone-system', '--values', '-'];
  return new Promise((resolve, reject) => {
    const child = execFile(
      helm!.path,
      args,
      { cwd: join(import.meta.dirname, '..', '..'), maxBuffer: 2 ** 26 },
      (error, stdout) => {
        if (error instanceof Error) reject(error);
        else resolve(parseAllDocuments(stdout).flatMap((document) => (document.toJS() as Rendered | null) ?? []));
      },
    );
    child.stdin?.end(JSON.stringify(values));
  });
}

const imagesOf = (objects: readonly Rendered[]): Set<string> =>
  new Set(objects.flatMap(({ spec }) => spec?.template?.spec.containers.map(({ image }) => image) ?? []));

test('the chart of the hub takes the values, and the images that were loaded', async () => {
  const images = imagesOf(await render('isochrone', hubValues('kind-1', 'https://172.18.0.2:6443')));
  assert.deepEqual([...images], ['registry.local/isochrone/control-plane:kind-1']);
});

for (const member of members) {
  test(`the chart of the edge takes the values of ${member.name}`, async () => {
    const onHub = member === hub;
    const objects = await render('isochrone-edge', memberValues(member, { tag: 'kind-1', onHub, token: 'x' }));
    assert.deepEqual([...imagesOf(objects)].toSorted(), [
      'registry.local/isochrone/control-plane:kind-1',
      'registry.local/isochrone/node-agent:kind-1',
    ]);
    // What is waited for.
    const workloads = objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`.toLowerCase());
    for (const workload of memberWorkloads) assert.ok(workloads.includes(workload), workload);
    assert.equal(
      objects.some(({ kind }) => kind === 'CustomResourceDefinition'),
      !onHub,
    );
  });
}

test('what is uploaded twice is there, as the server of the pinned version has it', async () => {
  const { endpoint, accessKeyId, secretAccessKey, region } = store;
  const objects = { endpoint, localEndpoint: endpoint, accessKeyId, secretAccessKey, region };
  for (const text of ['first', 'second']) await upload(objects, 's3://vision/folder/lines.npy', Buffer.from(text));
  const client = new AwsClient({ accessKeyId, secretAccessKey, region, service: 's3' });
  const response = await client.fetch(`${endpoint}/vision/folder/lines.npy`);
  assert.equal(await response.text(), 'second');
  assert.ok(response.headers.get('etag'), 'a job names its input by it');
  await assert.rejects(upload({ ...objects, secretAccessKey: 'wrong' }, 's3://vision/x', Buffer.from('x')), {
    code: 'CommandFailed',
    message: /PUT vision answered 403/,
  });
});

test('its flags are those of the server', async () => {
  const [server] = await ensureBinaries(['versitygw']);
  const help = await new Promise<string>((resolve) => {
    execFile(server!.path, ['--help'], (_error, stdout, stderr) => resolve(stdout + stderr));
  });
  const given = objectsArguments('v1.8.0', 'x');
  for (const flag of given.slice(given.indexOf('--port')).filter((argument) => argument.startsWith('--')))
    assert.ok(help.includes(flag), flag);
  for (const name of ['ROOT_ACCESS_KEY_ID', 'ROOT_SECRET_ACCESS_KEY']) assert.ok(help.includes(name), name);
});
