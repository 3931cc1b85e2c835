import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { inferenceJobResource, type InferenceJob } from '@isochrone/api';
import { findCondition } from '@isochrone/kube';
import { mixedModel } from '@isochrone/node-agent/testing/models';
import { parseS3URI } from '@isochrone/operator/storage';
import { eventually } from '../harness/index.ts';
import { member } from '../harness/members.ts';
import { assertPaidOnce } from '../harness/settled.ts';
import { BUCKET, NAMESPACE, withFederation } from '../harness/test-federation.ts';
import { inputNpy, linearModel } from './models.ts';

const run = promisify(execFile);

let handler: (request: IncomingMessage, response: ServerResponse) => void = () => undefined;
const server = createServer((request, response) => handler(request, response)).listen(0, '127.0.0.1');
await once(server, 'listening');
after(() => {
  server.closeAllConnections();
  server.close();
});
const web = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

const world = await withFederation({
  members: [member('hub', '0.30'), member('alpha', '0.20'), member('beta', '0.24')],
  flags: { operator: { 'input-hosts': '127.0.0.1' } },
});
await world.deposit('10.00');
const bytes = mixedModel();
await world.createModel('mixed', { bytes, sha256: createHash('sha256').update(bytes).digest('hex') });
await world.createModel('linear', linearModel());

const RECORDS = 40;
const texts = Array.from({ length: RECORDS }, (_, index) => 'é'.repeat(index % 5) + String(index));
const requests = texts.map((text, index) =>
  JSON.stringify({
    // Some have no id.
    ...(index % 3 === 0 ? {} : { id: `request-${index}` }),
    inputs: [
      { name: 'mask', shape: [1, 3], datatype: 'BOOL', data: [index % 2 === 0, true, false] },
      { name: 'text', shape: [1], datatype: 'BYTES', data: [text] },
      { name: 'values', shape: [1, 1], datatype: 'FP16', data: [index / 4] },
    ],
  }),
);
const input = (uri: string) => ({ uri, format: 'OpenInferenceJSONLines' }) as const;
const model = { modelRef: { name: 'mixed' }, verification: { minSamplePercent: 20 } } as const;

interface Response {
  readonly model_name: string;
  readonly model_version: string;
  readonly id?: string;
  readonly outputs: readonly { name: string; shape: number[]; datatype: string; data: unknown[] }[];
}

/** What each request must be answered by. */
function assertAnswered(lines: string): void {
  const responses = lines
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Response);
  assert.equal(responses.length, RECORDS);
  for (const [index, response] of responses.entries())
    assert.deepEqual(response, {
      model_name: 'mixed',
      model_version: '1',
      ...(index % 3 === 0 ? {} : { id: `request-${index}` }),
      outputs: [
        { name: 'not', shape: [1, 3], datatype: 'BOOL', data: [index % 2 !== 0, false, true] },
        { name: 'echo', shape: [1], datatype: 'BYTES', data: [texts[index]] },
        { name: 'twice', shape: [1, 1], datatype: 'FP16', data: [index / 2] },
      ],
    });
}

/** The command as a user has it. */
async function results(...args: readonly string[]): Promise<string> {
  const { federation } = world;
  const env = {
    ...process.env,
    PATH: `${federation.bin}:${process.env['PATH'] ?? ''}`,
    KUBECONFIG: federation.hub.adminKubeconfig,
  };
  return (await run('kubectl', ['isochrone', 'results', '-n', NAMESPACE, ...args], { env })).stdout;
}

/** The message of `Admitted=False` for the reason. */
async function refusal(name: string, reason: string): Promise<string> {
  const admitted = ({ status }: InferenceJob) => findCondition(status?.conditions, 'Admitted');
  const job = await world.eventuallyJob(
    name,
    (one) => admitted(one)?.status === 'False' && admitted(one)?.reason === reason,
  );
  return admitted(job)!.message;
}

async function copyOf({ metadata }: InferenceJob): Promise<string[]> {
  const keys: string[] = [];
  const { bucket, key } = parseS3URI(`s3://${BUCKET}/${metadata.name}/attempts/input-`);
  for await (const object of world.objects.list({ bucket, key })) keys.push(object.key);
  return keys;
}

describe('requests, line by line', () => {
  test(
    'from a packed file behind HTTP are answered by responses, which are downloaded and printed',
    { timeout: 180_000 },
    async () => {
      handler = (_request, response) => void response.end(gzipSync(requests.join('\n')));
      await world.createJob('web', {
        ...model,
        input: input(`${web}/requests.jsonl.gz`),
      });
      const job = await world.completed('web');
      await assertPaidOnce(world, job);
      assertAnswered(await results('job/web', '-o', '-'));
      const directory = await mkdtemp(join(tmpdir(), 'isochrone-results-'));
      try {
        await results('job/web', '-o', directory);
        const files = (await readdir(directory)).filter((name) => name.endsWith('.jsonl')).sort();
        assert.deepEqual(files, ['000000.jsonl', '000001.jsonl', '000002.jsonl']);
        const parts = await Promise.all(files.map((name) => readFile(join(directory, name), 'utf8')));
        assertAnswered(parts.join(''));
      } finally {
        await rm(directory, { recursive: true });
      }
      const manifest = JSON.parse(Buffer.from(await world.get(job.status!.manifest!.uri!)).toString('utf8')) as {
        input: { sha256?: string; files?: number };
      };
      assert.deepEqual(
        [manifest.input.files, manifest.input.sha256],
        [
          1,
          createHash('sha256')
            .update(gzipSync(requests.join('\n')))
            .digest('hex'),
        ],
      );
      await eventually(async () => (await copyOf(job)).length === 0, { describe: 'the copy of the input is removed' });
    },
  );

  test('from the files of a prefix keep their order', { timeout: 180_000 }, async () => {
    for (const [name, from, to] of [
      ['b', 17, 40],
      ['a', 0, 17],
    ] as const)
      await world.put(`parts/${name}.jsonl`, Buffer.from(`${requests.slice(from, to).join('\n')}\n`));
    await world.createJob('parts-job', { ...model, input: input(`s3://${BUCKET}/parts/`) });
    await world.completed('parts-job');
    assertAnswered(await results('job/parts-job', '-o', '-'));
  });

  test('of which one is wrong are told by its number, and go on once it is mended', { timeout: 180_000 }, async () => {
    const wrong = requests.with(6, requests[6]!.replace('FP16', 'FP32'));
    await world.put('mended.jsonl', Buffer.from(wrong.join('\n')));
    await world.createJob('mended', { ...model, input: input(`s3://${BUCKET}/mended.jsonl`) });
    const message = await refusal('mended', 'InputInvalid');
    assert.match(
      message,
      /mended\.jsonl, line 7 input values has the datatype "FP32", the model takes FP16; convert it/,
    );
    await world.put('mended.jsonl', Buffer.from(requests.join('\n')));
    await world.completed('mended');
    assertAnswered(await results('job/mended', '-o', '-'));
  });
});

describe('an operator that is killed amid the copy of an input', () => {
  test('makes the copy anew, of what the source is then', { timeout: 240_000 }, async () => {
    const { programs } = world.federation;
    const { promise: begun, resolve } = Promise.withResolvers<undefined>();
    const other = requests.toReversed().join('\n');
    handler = (_request, response) => {
      response.writeHead(200, { 'content-length': Buffer.byteLength(other) });
      response.write(other.slice(0, 1000), () => resolve(undefined));
    };
    await world.createJob('killed', {
      ...model,
      input: input(`${web}/killed.jsonl`),
    });
    await begun;
    await programs.kill9('operator');
    handler = (_request, response) => void response.end(requests.join('\n'));
    await programs.start('operator');
    const job = await world.completed('killed', { timeout: 150_000 });
    await assertPaidOnce(world, job);
    assertAnswered(await results('job/killed', '-o', '-'));
  });
});

describe('arrays behind HTTP', () => {
  test('have no responses', { timeout: 180_000 }, async () => {
    handler = (_request, response) => void response.end(inputNpy(32));
    await world.createJob('arrays', { input: { uri: `${web}/x.npy` } });
    await world.completed('arrays');
    await assert.rejects(results('job/arrays', '-o', '-'), ({ stderr }: { stderr?: string }) =>
      /name a directory/.test(stderr ?? ''),
    );
    assert.match(await results('job/arrays'), /every digest is right/);
  });

  test('that is slow to come does not keep its job from being deleted', { timeout: 90_000 }, async () => {
    const { promise: begun, resolve } = Promise.withResolvers<undefined>();
    let isClosed = false;
    handler = (request, response) => {
      response.writeHead(200, { 'content-length': 1_000_000 }).write('x', () => resolve(undefined));
      request.on('close', () => (isClosed = true));
    };
    const job = await world.createJob('slow', { input: { uri: `${web}/slow.npy` } });
    await begun;
    await world.hub.delete(inferenceJobResource, { name: 'slow', namespace: NAMESPACE });
    const jobs = async (): Promise<boolean> =>
      (await world.hub.find(inferenceJobResource, { name: 'slow', namespace: NAMESPACE })) === undefined;
    await eventually(jobs, { timeout: 20_000, describe: 'the job is gone' });
    await eventually(() => isClosed, { timeout: 20_000, describe: 'nobody reads the input any more' });
    assert.deepEqual(await copyOf(job), []);
  });

  test('of a host that the administrator did not list are refused', { timeout: 60_000 }, async () => {
    const uri = web.replace('127.0.0.1', '127.0.0.2');
    await world.createJob('private', { input: { uri: `${uri}/x.npy` } });
    const message = await refusal('private', 'InputRefused');
    assert.match(message, /127\.0\.0\.2, which is not public.*--input-hosts/);
  });
});
