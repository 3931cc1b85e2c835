import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { S3Client, storageCredentials } from '@isochrone/operator/storage';
import { withObjectStore } from '../harness/parts.ts';

const store = await withObjectStore();
const bucket = 'data';
const at = (key: string) => ({ bucket, key });

function clientOf(secretAccessKey?: string, endpoint?: string): S3Client {
  const { accessKeyId, region, ...rest } = store;
  const credentials = {
    accessKeyId,
    region,
    secretAccessKey: secretAccessKey ?? rest.secretAccessKey,
    endpoint: endpoint ?? rest.endpoint,
  };
  return new S3Client(credentials, { backoffMilliseconds: 1, tries: 2 });
}

before(async () => {
  await clientOf().put({ bucket, key: '' }, new Uint8Array());
});

describe('S3Client against a real store', () => {
  test('writes once, reads whole, in part and under a condition', async () => {
    const s3 = clientOf();
    const bytes = Buffer.from('0123456789');
    const { etag } = await s3.put(at('a/once +ü.npy'), bytes, { ifNoneMatch: '*' });
    assert.deepEqual(await s3.head(at('a/once +ü.npy')), { etag, sizeBytes: 10 });
    await assert.rejects(s3.put(at('a/once +ü.npy'), bytes, { ifNoneMatch: '*' }), { code: 'STORAGE_PRECONDITION' });
    assert.equal(
      Buffer.from(await s3.getRange(at('a/once +ü.npy'), { start: 2, end: 5 }, { ifMatch: etag })).toString(),
      '234',
    );
    await assert.rejects(s3.getRange(at('a/once +ü.npy'), { start: 0, end: 1 }, { ifMatch: '"other"' }), {
      code: 'STORAGE_PRECONDITION',
    });
    const read: Uint8Array[] = [];
    for await (const chunk of await s3.getStream(at('a/once +ü.npy'))) read.push(chunk);
    assert.deepEqual(Buffer.concat(read), bytes);
  });

  test('lists by prefix over pages, and deletes, also what is not there', async () => {
    const s3 = clientOf();
    for (const key of ['list/a&b', 'list/c', 'other/d']) await s3.put(at(key), Buffer.from(key));
    const keys: string[] = [];
    for await (const { key } of s3.list(at('list/'))) keys.push(key);
    assert.deepEqual(keys.toSorted(), ['list/a&b', 'list/c']);
    await s3.delete(at('list/a&b'));
    await s3.delete(at('list/a&b'));
    await assert.rejects(s3.head(at('list/a&b')), { code: 'STORAGE_NOT_FOUND' });
  });

  test('presigned access is to one object, under its condition', async () => {
    const s3 = clientOf();
    const { etag } = await s3.put(at('in.npy'), Buffer.from('input'));
    const get = await s3.presignGet(at('in.npy'), { expiresSeconds: 60, ifMatch: etag });
    assert.equal(await (await fetch(get.url, { headers: get.headers })).text(), 'input');
    assert.equal((await fetch(get.url)).status, 403, 'without the condition that was signed');
    assert.notEqual(
      (await fetch(get.url.replace('in.npy', 'a.npy'), { headers: get.headers })).status,
      200,
      'another object',
    );
    const put = await s3.presignPut(at('out.npy'), { expiresSeconds: 60 });
    const send = (headers: Record<string, string>) => fetch(put.url, { method: 'PUT', body: 'output', headers });
    assert.equal((await send({})).status, 403, 'without If-None-Match');
    assert.equal((await send(put.headers)).status, 200);
    assert.equal((await send(put.headers)).status, 412, 'a second time');
  });

  test('names what went wrong', async () => {
    await assert.rejects(clientOf('wrong').head(at('in.npy')), { code: 'STORAGE_ACCESS_DENIED' });
    await assert.rejects(clientOf().head({ bucket: 'no-such-bucket', key: 'x' }), { code: 'STORAGE_NOT_FOUND' });
    await assert.rejects(clientOf(undefined, 'http://127.0.0.1:9').head(at('x')), {
      code: 'STORAGE_UNAVAILABLE',
      message: /127\.0\.0\.1:9/,
    });
  });

  for (const [kind, wrap] of [
    ['buffer', (bytes: Uint8Array<ArrayBuffer>) => bytes],
    ['blob', (bytes: Uint8Array<ArrayBuffer>) => new Blob([bytes.subarray(0, 7), bytes.subarray(7)])],
  ] as const)
    test(`a large ${kind} arrives as it was sent`, async () => {
      const bytes = Buffer.alloc(20 * 2 ** 20, 7);
      await clientOf().put(at('large'), wrap(bytes));
      const hash = createHash('sha256');
      for await (const chunk of await clientOf().getStream(at('large'))) hash.update(chunk);
      assert.equal(hash.digest('hex'), createHash('sha256').update(bytes).digest('hex'));
    });

  test('an object that fetch would unpack is refused', async () => {
    const url = (await clientOf().presignPut(at('encoded'), { expiresSeconds: 60 })).url;
    const headers = { 'if-none-match': '*', 'content-encoding': 'gzip' };
    assert.equal((await fetch(url, { method: 'PUT', body: gzipSync('input'), headers })).status, 200);
    await assert.rejects(clientOf().getStream(at('encoded')), {
      code: 'STORAGE_REFUSED',
      message: /Content-Encoding gzip/,
    });
  });
});

test('credentials say which key is missing or wrong', () => {
  const keys = { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' };
  assert.equal(storageCredentials(keys, 'Secret x').endpoint, 'https://s3.us-east-1.amazonaws.com');
  assert.throws(() => storageCredentials({ AWS_ACCESS_KEY_ID: 'a' }, 'Secret x'), {
    code: 'SECRET_INVALID',
    message: /AWS_SECRET_ACCESS_KEY/,
  });
  assert.throws(() => storageCredentials({ ...keys, AWS_REGION: 'EU 1' }, 'Secret x'), { code: 'SECRET_INVALID' });
  for (const endpoint of ['nonsense', 'ftp://host', 'https://host/path', 'https://user@host']) {
    assert.throws(() => storageCredentials({ ...keys, AWS_ENDPOINT_URL: endpoint }, 'Secret x'), {
      code: 'SECRET_INVALID',
    });
  }
});
