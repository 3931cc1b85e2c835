import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import type { InferenceJob, InferenceJobSpec } from '@isochrone/api';
import { S3Client, parseS3URI, storageCredentials } from '@isochrone/operator/storage';
import {
  createTensor,
  decodeBytesElements,
  encodeNpy,
  parseNpyRecords,
  readRecords,
  type Tensor,
} from '@isochrone/tensor';
import { defaultHTTPSourceOptions } from '../../operator/input/http-source.ts';
import { allowedSources } from '../../operator/input/public-address.ts';
import { removeAbandonedScratch } from '../../operator/input/scratch-folder.ts';
import { admitInput, type AdmissionLimits } from '../../operator/job/admit-input.ts';
import { copiedIds, inputCopy, type JobStorage } from '../../operator/job/job-storage.ts';
import type { JobModel } from '../../operator/job/model-check.ts';
import type { AdmittedInput } from '../../operator/job/observed.ts';
import { withObjectStore } from '../harness/parts.ts';

const store = await withObjectStore();
const { accessKeyId, secretAccessKey, region, endpoint } = store;
const s3 = new S3Client(
  storageCredentials(
    {
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_REGION: region,
      AWS_ENDPOINT_URL: endpoint,
    },
    'the store',
  ),
);
const bucket = 'data';
const put = (key: string, bytes: Uint8Array | string) =>
  s3.put({ bucket, key }, typeof bytes === 'string' ? Buffer.from(bytes) : bytes);

/** Scratch folders of this file, and what is left in them. */
const scratch = mkdtempSync(join(tmpdir(), 'inputs-'));
process.env['TMPDIR'] = scratch;
after(() => rmSync(scratch, { recursive: true }));

let handler: (request: IncomingMessage, response: ServerResponse) => void = () => undefined;
const server = createServer((request, response) => handler(request, response)).listen(0, '127.0.0.1');
await once(server, 'listening');
after(() => {
  server.closeAllConnections();
  server.close();
});
const { port } = server.address() as AddressInfo;
const web = `http://127.0.0.1:${port}`;

before(() => s3.put({ bucket, key: '' }, new Uint8Array()));

const limits: AdmissionLimits = {
  maxShards: 10_000,
  maxCopiedBytes: 64 * 2 ** 20,
  maxCopySeconds: 60,
  http: { ...defaultHTTPSourceOptions, backoffMilliseconds: 1, tries: 3, allowed: allowedSources(['127.0.0.1']) },
};
const model: JobModel = {
  version: { version: '1' },
  inputs: [{ name: 'x', dataType: 'FP32', shape: [-1, 2] }],
  outputs: [],
} as unknown as JobModel;
const textModel = {
  ...model,
  inputs: [...model.inputs, { name: 't', dataType: 'BYTES', shape: [-1] }],
} as unknown as JobModel;

type Input = Omit<InferenceJobSpec['input'], 'format'> & { readonly format?: InferenceJobSpec['input']['format'] };
interface Copied {
  readonly admitted: AdmittedInput;
  readonly header: ReturnType<typeof parseNpyRecords>;
  readonly tensors: readonly Tensor[];
  readonly ids: readonly string[] | undefined;
}

let jobs = 0;
interface How {
  readonly with?: Partial<AdmissionLimits>;
  readonly model?: JobModel;
  readonly signal?: AbortSignal;
  readonly output?: string;
  /** Called once it is admitted. */
  readonly isRead?: () => void;
}

/** Admits a job and reads what nodes would read. */
async function admit(input: Input, how: How = {}): Promise<Copied> {
  const uid = `uid-${++jobs}`;
  const uri = how.output ?? `s3://${bucket}/out-${uid}/`;
  const output = { client: s3, location: parseS3URI(uri) };
  const isS3 = input.uri.startsWith('s3://');
  const storage: JobStorage = {
    source: isS3 ? { client: s3, location: parseS3URI(input.uri) } : undefined,
    input: inputCopy(output, uid),
    output,
  };
  const job = {
    metadata: { uid, name: 'job', namespace: 'work' },
    spec: { input: { format: 'Npy', ...input }, output: { uri }, recordsPerShard: 16, modelRef: {} },
  } as unknown as InferenceJob;
  const signal = how.signal ?? new AbortController().signal;
  const admitted = await admitInput(job, how.model ?? model, storage, { ...limits, ...how.with }, signal);
  how.isRead?.();
  assert.deepEqual(readdirSync(scratch), [], 'nothing is left on disk');
  const whole = (location: { bucket: string; key: string }, size: number) =>
    s3.getRange(location, { start: 0, end: size }, { ifMatch: admitted.etag });
  const bytes = await whole(storage.input.location, admitted.sizeBytes);
  const header = parseNpyRecords(bytes);
  const tensors = readRecords(header, bytes.subarray(header.dataOffset), header.records);
  assert.equal(header.dataOffset, admitted.dataOffset);
  const { ids } = admitted;
  if (ids === undefined) return { admitted, header, tensors, ids };
  const end = ids.dataOffset + admitted.records * ids.recordBytes;
  const stored = await s3.getRange(copiedIds(storage.input), { start: 0, end }, { ifMatch: ids.etag });
  const idHeader = parseNpyRecords(stored);
  const [tensor] = readRecords(idHeader, stored.subarray(ids.dataOffset), admitted.records);
  const texts = decodeBytesElements(tensor!).map((id) => Buffer.from(id).toString());
  return { admitted, header, tensors, ids: texts };
}

function array(first: number, records: number): Uint8Array {
  const values = Float32Array.from({ length: records * 2 }, (_, index) => first * 2 + index);
  return encodeNpy(createTensor('FP32', [records, 2], new Uint8Array(values.buffer)));
}

function floats({ tensors: [tensor] }: Copied): number[] {
  return [...new Float32Array(Uint8Array.from(tensor!.data).buffer)];
}

const x = (values: readonly number[]) => ({ name: 'x', shape: [1, 2], datatype: 'FP32', data: values });
const request = (first: number, id?: string): string =>
  JSON.stringify({ ...(id === undefined ? {} : { id }), inputs: [x([2 * first, 2 * first + 1])] });
const upTo = (count: number): number[] => Array.from({ length: count * 2 }, (_, index) => index);
const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');
const refused =
  (reason: string, ...says: readonly RegExp[]) =>
  (error: Error & { problem?: { reason: string } }) => {
    assert.equal(error.problem?.reason, reason, error.stack);
    for (const text of says) assert.match(error.message, text);
    return true;
  };

describe('the files of a prefix', () => {
  test('are read in the order of their keys, without what tools leave beside them', async () => {
    await put('many/b.npy', array(2, 3));
    await put('many/a.npy', array(0, 2));
    await put('many/z/c.npy.gz', gzipSync(array(5, 1)));
    for (const key of ['_SUCCESS', '.hidden', '_tmp/x.npy', 'z/_SUCCESS']) await put(`many/${key}`, 'no array');
    const copied = await admit({ uri: `s3://${bucket}/many/` });
    assert.deepEqual(floats(copied), upTo(6));
    const packed = gzipSync(array(5, 1));
    const list = `${sha256(array(0, 2))}  a.npy\n${sha256(array(2, 3))}  b.npy\n${sha256(packed)}  z/c.npy.gz\n`;
    assert.deepEqual(copied.admitted.source, { files: 3, sha256: sha256(list) }, 'as sha256sum would tell it');
    await admit({ uri: `s3://${bucket}/many/`, sha256: sha256(list) });
    const other = { uri: `s3://${bucket}/many/`, sha256: 'ab'.repeat(32) };
    await assert.rejects(admit(other), refused('InputDigestMismatch', /many\//, /create a job with its digest/));
  });

  test('are more than one page of the list', async () => {
    const keys = Array.from({ length: 1001 }, (_, index) => `pages/${String(index).padStart(5, '0')}.jsonl`);
    for (let at = 0; at < keys.length; at += 50)
      await Promise.all(keys.slice(at, at + 50).map((key, index) => put(key, request(at + index))));
    const copied = await admit({ uri: `s3://${bucket}/pages/`, format: 'OpenInferenceJSONLines' });
    assert.deepEqual(floats(copied), upTo(1001));
  });

  test('that are none are told', async () => {
    await put('hidden/_SUCCESS', '');
    for (const uri of [`s3://${bucket}/nowhere/`, `s3://${bucket}/hidden/`])
      await assert.rejects(admit({ uri }), refused('InputEmpty', /holds no file; upload some/));
  });

  test('that are not alike are refused by the name of the first other one', async () => {
    await put('unlike/a.npy', array(0, 2));
    await put('unlike/b.npy', encodeNpy(createTensor('FP32', [1, 3], new Uint8Array(12))));
    const whole = admit({ uri: `s3://${bucket}/unlike/` });
    await assert.rejects(whole, refused('InputInvalid', /unlike\/b\.npy/, /write all of them alike/));
  });

  test('that would hold the results are refused', async () => {
    const whole = admit({ uri: `s3://${bucket}/many/` }, { output: `s3://${bucket}/many/out/` });
    await assert.rejects(whole, refused('InputInvalid', /spec\.output\.uri/, /another output/));
  });

  for (const [name, change] of [
    ['come', () => put('moving/c.npy', array(2, 1))],
    ['go', () => s3.delete({ bucket, key: 'moving/b.npy' })],
    ['change', () => put('moving/a.npy', array(7, 1))],
  ] as const)
    test(`that ${name} while they are read are found`, async () => {
      for await (const { key } of s3.list({ bucket, key: 'moving/' })) await s3.delete({ bucket, key });
      await put('moving/a.npy', array(0, 1));
      await put('moving/b.npy', array(1, 1));
      const list = s3.list.bind(s3);
      let isFirst = true;
      // A store whose objects change right after they were listed.
      s3.list = async function* (...args) {
        yield* list(...args);
        if (isFirst) await change();
        isFirst = false;
      };
      try {
        await assert.rejects(
          admit({ uri: `s3://${bucket}/moving/` }),
          (error: Error & { problem?: { reason: string } }) => {
            assert.match(error.problem?.reason ?? '', /^Input(Changed|NotFound)$/, error.message);
            assert.match(error.message, /moving\//);
            return true;
          },
        );
      } finally {
        s3.list = list;
      }
    });
});

describe('requests', () => {
  test('become records and ids, over files, blank lines and line ends', async () => {
    await put('lines/1.jsonl', `\uFEFF${request(0, 'né')}\r\n\n  \n${request(1)}`);
    await put('lines/2.jsonl.gz', gzipSync(`${request(2, 'third')}\n`));
    const copied = await admit({ uri: `s3://${bucket}/lines/`, format: 'OpenInferenceJSONLines' });
    assert.deepEqual(floats(copied), upTo(3));
    assert.deepEqual(copied.ids, ['né', '', 'third']);
    assert.deepEqual(
      copied.header.fields.map(({ name }) => name),
      [''],
      'no node sees the ids',
    );
  });

  test('without ids leave none beside the copy; strings are as wide as the longest', async () => {
    const line = (text: string): string =>
      JSON.stringify({ inputs: [{ name: 't', shape: [1], datatype: 'BYTES', data: [text] }, x([0, 1])] });
    await put('texts.jsonl', ['a', 'zwölf', '😀\u2028'].map(line).join('\n'));
    const input = { uri: `s3://${bucket}/texts.jsonl`, format: 'OpenInferenceJSONLines' } as const;
    const copied = await admit(input, { model: textModel });
    assert.equal(copied.ids, undefined);
    assert.equal(copied.admitted.fields?.[1]?.stringType, '<U5');
    const texts = decodeBytesElements(copied.tensors[1]!).map((text) => Buffer.from(text).toString());
    assert.deepEqual(texts, ['a', 'zwölf', '😀\u2028']);
  });

  const wrong = async (lines: string): Promise<Copied> => {
    await put('wrong.jsonl', lines);
    return admit({ uri: `s3://${bucket}/wrong.jsonl`, format: 'OpenInferenceJSONLines' });
  };
  for (const [name, line, reason, ...says] of [
    ['no JSON', '{"inputs": [', 'InputInvalid', /wrong\.jsonl, line 3 is no JSON.*; write/],
    ['another type', request(0).replace('FP32', 'INT64'), 'InputInvalid', /line 3 input x .*"INT64".*FP32; convert/],
    ['another shape', request(0).replace('[1,2]', '[1,3]'), 'InputInvalid', /line 3 input x .*\[1, 3\].*reshape/],
    ['too few values', request(0).replace('[0,1]', '[0]'), 'InputInvalid', /line 3 input x .*; write 2 values/],
    ['a word among numbers', request(0).replace('[0,1]', '[0,"secret"]'), 'InputInvalid', /line 3 input x has at 1/],
  ] as const)
    test(`with a line of ${name} are refused by its number, field and remedy`, async () => {
      await assert.rejects(wrong(`${request(0)}\n\n${line}\n${request(1)}\n`), (error: Error) => {
        assert.doesNotMatch(error.message, /secret/);
        return refused(reason, ...says)(error);
      });
    });

  test('that are none are told', async () => {
    await assert.rejects(wrong('\n \n'), refused('InputEmpty', /write a request on each line/));
  });
});

describe('gzip', () => {
  const file = gzipSync(array(0, 1000));
  const read = async (bytes: Uint8Array): Promise<Copied> => {
    await put('packed.npy.gz', bytes);
    return admit({ uri: `s3://${bucket}/packed.npy.gz` });
  };

  test('is unpacked, also of several members', async () => {
    assert.deepEqual(floats(await read(file)), upTo(1000));
    const whole = array(0, 10);
    const members = Buffer.concat([gzipSync(whole.subarray(0, 99)), gzipSync(whole.subarray(99))]);
    assert.deepEqual(floats(await read(members)), upTo(10));
  });

  for (const [name, bytes] of [
    ['cut', file.subarray(0, file.byteLength - 9)],
    ['cut at its first byte', file.subarray(0, 1)],
    ['empty', new Uint8Array()],
    ['damaged', Buffer.concat([file.subarray(0, 60), Buffer.alloc(9), file.subarray(69)])],
    ['not packed at all', array(0, 1000)],
    ['followed by other bytes', Buffer.concat([file, Buffer.alloc(100_000, 'x')])],
  ] as const)
    test(`that is ${name} is refused`, async () => {
      await assert.rejects(read(bytes), refused('InputInvalid', /packed\.npy\.gz/, /compress it again|write it again/));
    });

  test('that unpacks to more than is copied is refused long before it is unpacked', async () => {
    await put('bomb.jsonl.gz', gzipSync(Buffer.alloc(256 * 2 ** 20, '\n')));
    const whole = admit({ uri: `s3://${bucket}/bomb.jsonl.gz`, format: 'OpenInferenceJSONLines' });
    await assert.rejects(whole, refused('InputTooLarge', /bomb/, /67108864 bytes/, /split it/));
    assert.deepEqual(readdirSync(scratch), []);
  });
});

describe('http', () => {
  const whole = array(0, 50_000);

  test('is copied, also over connections that break', async () => {
    const ranges: string[] = [];
    handler = ({ headers }, response) => {
      const start = Number(/^bytes=(\d+)-$/.exec(headers.range ?? 'bytes=0-')![1]);
      ranges.push(headers.range ?? 'whole');
      const head = { etag: '"v1"', 'accept-ranges': 'bytes', 'content-length': whole.byteLength - start };
      response.writeHead(start === 0 ? 200 : 206, {
        ...head,
        ...(start === 0 ? {} : { 'content-range': `bytes ${start}-${whole.byteLength - 1}/${whole.byteLength}` }),
      });
      if (ranges.length < 3) response.write(whole.subarray(start, start + 100_000), () => response.destroy());
      else response.end(whole.subarray(start));
    };
    const copied = await admit({ uri: `${web}/x.npy`, sha256: sha256(whole) });
    assert.deepEqual(floats(copied), upTo(50_000));
    assert.equal(ranges.length, 3);
  });

  for (const [name, answer, reason, says] of [
    ['is missing', (r: ServerResponse) => r.writeHead(404).end(), 'InputNotFound', /answered 404; upload it/],
    ['is forbidden', (r: ServerResponse) => r.writeHead(403).end(), 'InputAccessDenied', /answered 403; allow/],
    [
      'leads in circles',
      (r: ServerResponse) => r.writeHead(302, { location: '/x.npy' }).end(),
      'InputRefused',
      /more than 5 redirections; name/,
    ],
    [
      'leads to the metadata of the cloud',
      (r: ServerResponse) => r.writeHead(302, { location: 'http://169.254.169.254/' }).end(),
      'InputRefused',
      /not public; ask the administrator/,
    ],
    [
      'is out of order',
      (r: ServerResponse) => r.writeHead(503).end(),
      'StorageUnavailable',
      /answered 503; it is tried again/,
    ],
  ] as const)
    test(`that ${name} is told`, async () => {
      handler = (_request, response) => void answer(response);
      await assert.rejects(admit({ uri: `${web}/x.npy` }), refused(reason, says));
    });

  test('that changes midway is found', async () => {
    let version = 0;
    handler = (_request, response) => {
      version += 1;
      response.writeHead(200, { etag: `"${version}"`, 'accept-ranges': 'bytes', 'content-length': whole.byteLength });
      response.write(whole.subarray(0, 100_000), () => response.destroy());
    };
    await assert.rejects(admit({ uri: `${web}/x.npy` }), refused('InputChanged', /changed while it was read/));
  });

  test('of a host that nobody listed is not read', async () => {
    let isReached = false;
    handler = (_request, response) => {
      isReached = true;
      response.end(whole);
    };
    const none = { ...limits.http, allowed: allowedSources([]) };
    const read = admit({ uri: `${web}/x.npy` }, { with: { http: none } });
    await assert.rejects(read, refused('InputRefused', /127\.0\.0\.1/, /--input-hosts/));
    assert.ok(!isReached);
  });

  test('that drips is given up', async () => {
    handler = (_request, response) => {
      response.writeHead(200, { 'content-length': 1_000_000 });
      const drip = setInterval(() => response.write('x'), 20);
      response.on('close', () => clearInterval(drip));
    };
    const slow = admit({ uri: `${web}/x.jsonl`, format: 'OpenInferenceJSONLines' }, { with: { maxCopySeconds: 0.3 } });
    await assert.rejects(slow, refused('StorageUnavailable', /within 0\.3 s/, /faster source/));
    assert.deepEqual(readdirSync(scratch), []);
  });
});

test('a large input is copied in little memory', { timeout: 120_000 }, async () => {
  const width = 1024;
  const wide = { ...model, inputs: [{ name: 'x', dataType: 'FP32', shape: [-1, width] }] } as unknown as JobModel;
  const data = Array.from({ length: width }, (_, index) => index / 7);
  const one = JSON.stringify({ id: 'an-id', inputs: [{ name: 'x', shape: [1, width], datatype: 'FP32', data }] });
  // 128 MiB of requests, made as they are sent.
  const lines = Buffer.from(`${one}\n`.repeat(50));
  const rounds = Math.ceil((128 * 2 ** 20) / lines.byteLength);
  handler = (_request, response) => {
    void (async () => {
      for (let round = 0; round < rounds; round++) if (!response.write(lines)) await once(response, 'drain');
      response.end();
    })();
  };
  // What is held, not what waits to be collected: how much that is depends on the machine.
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const held = (): number => {
    collect();
    const { arrayBuffers, heapUsed } = process.memoryUsage();
    return arrayBuffers + heapUsed;
  };
  const atRest = held();
  let highest = 0;
  const watch = setInterval(() => {
    highest = Math.max(highest, held() - atRest);
  }, 50);
  const copied = await admit(
    { uri: `${web}/large.jsonl`, format: 'OpenInferenceJSONLines' },
    { model: wide, with: { maxCopiedBytes: 2 ** 30 }, isRead: () => clearInterval(watch) },
  );
  assert.equal(copied.admitted.records, rounds * 50);
  assert.ok(highest < 32 * 2 ** 20, `it held ${Math.round(highest / 2 ** 20)} MiB`);
});

test('what a process left that was killed is removed when the next one begins', async () => {
  const folders = readdirSync(scratch);
  assert.deepEqual(folders, []);
  const stop = new AbortController();
  const { promise: begun, resolve } = Promise.withResolvers<undefined>();
  handler = (_request, response) => {
    response.writeHead(200, { 'content-length': 1_000_000 }).write('{', () => resolve(undefined));
  };
  const uri = `${web}/stuck.jsonl`;
  const stuck = admit({ uri, format: 'OpenInferenceJSONLines' }, { signal: stop.signal });
  await begun;
  assert.equal(readdirSync(scratch).length, 1);
  await removeAbandonedScratch(scratch);
  assert.deepEqual(readdirSync(scratch), [], 'the one before had the same number');
  stop.abort(new Error('stop'));
  await assert.rejects(stuck, /stop/);
  const again = array(0, 2);
  handler = (_request, response) => void response.end(again);
  assert.deepEqual(floats(await admit({ uri: `${web}/again.npy` })), upTo(2), 'and it is read anew');
});
