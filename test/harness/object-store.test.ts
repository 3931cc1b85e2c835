import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { AwsClient } from 'aws4fetch';
import { withObjectStore } from './parts.ts';

const store = await withObjectStore();
const { accessKeyId, secretAccessKey, region } = store;
const client = new AwsClient({ accessKeyId, secretAccessKey, region, service: 's3', retries: 0 });
const at = (key: string): string => `${store.endpoint}/bucket/${key}`;

assert.equal((await client.fetch(`${store.endpoint}/bucket`, { method: 'PUT' })).status, 200);

const hash = (algorithm: string, text: string): string => createHash(algorithm).update(text).digest('base64');

/** One request, with its body read: an unread one would hold the connection. */
async function call(url: string, init: RequestInit = {}): Promise<{ status: number; headers: Headers; body: string }> {
  const response = await client.fetch(url, init);
  return { status: response.status, headers: response.headers, body: await response.text() };
}

async function presign(key: string, method: string, headers: Record<string, string> = {}): Promise<string> {
  const url = new URL(at(key));
  url.searchParams.set('X-Amz-Expires', '60');
  // By default content headers are left out of the signature, and then anybody could drop them.
  return (await client.sign(url.href, { method, headers, aws: { signQuery: true, allHeaders: true } })).url;
}

async function bare(url: string, init: RequestInit = {}): Promise<{ status: number; body: string }> {
  const response = await fetch(url, init);
  return { status: response.status, body: await response.text() };
}

test('PUT, GET, ranged GET, HEAD, list, DELETE', async () => {
  assert.equal((await call(at('a/b.txt'), { method: 'PUT', body: '0123456789' })).status, 200);
  assert.equal((await call(at('a/b.txt'))).body, '0123456789');
  const part = await call(at('a/b.txt'), { headers: { range: 'bytes=2-4' } });
  assert.deepEqual([part.status, part.body, part.headers.get('content-range')], [206, '234', 'bytes 2-4/10']);
  const head = await call(at('a/b.txt'), { method: 'HEAD' });
  assert.deepEqual([head.status, head.headers.get('content-length')], [200, '10']);
  assert.equal(head.headers.get('etag'), `"${createHash('md5').update('0123456789').digest('hex')}"`);
  assert.match((await call(`${at('')}?list-type=2&prefix=a/`)).body, /<Key>a\/b\.txt<\/Key>/);
  assert.equal((await call(at('a/b.txt'), { method: 'DELETE' })).status, 204);
  assert.equal((await call(at('a/b.txt'))).status, 404);
});

test('If-None-Match: * writes once', async () => {
  const headers = { 'if-none-match': '*' };
  assert.equal((await call(at('once'), { method: 'PUT', body: 'first', headers })).status, 200);
  assert.equal((await call(at('once'), { method: 'PUT', body: 'second', headers })).status, 412);
  assert.equal((await call(at('once'))).body, 'first');
});

test('of many writers at once, If-None-Match: * lets one through', async () => {
  const put = (index: number): ReturnType<typeof call> =>
    call(at('raced'), { method: 'PUT', body: `writer ${index}`, headers: { 'if-none-match': '*' } });
  const statuses = (await Promise.all(Array.from({ length: 8 }, (_, index) => put(index)))).map(({ status }) => status);
  assert.equal(statuses.filter((status) => status === 200).length, 1, statuses.join());
});

test('If-Match reads only what was pinned', async () => {
  const etag = (await call(at('pinned'), { method: 'PUT', body: 'one' })).headers.get('etag')!;
  assert.equal((await call(at('pinned'), { headers: { 'if-match': etag } })).body, 'one');
  await call(at('pinned'), { method: 'PUT', body: 'two' });
  assert.equal((await call(at('pinned'), { headers: { 'if-match': etag } })).status, 412);
});

test('a wrong Content-MD5 or x-amz-checksum-sha256 is refused, and nothing is written', async () => {
  for (const [header, algorithm] of [
    ['content-md5', 'md5'],
    ['x-amz-checksum-sha256', 'sha256'],
  ] as const) {
    const key = `checked-${algorithm}`;
    const put = (body: string): ReturnType<typeof call> =>
      call(at(key), { method: 'PUT', body, headers: { [header]: hash(algorithm, 'right') } });
    assert.equal((await put('wrong')).status, 400, header);
    assert.equal((await call(at(key), { method: 'HEAD' })).status, 404, header);
    assert.equal((await put('right')).status, 200, header);
  }
});

test('presigned GET and PUT', async () => {
  const put = await presign('presigned', 'PUT');
  assert.equal((await bare(put, { method: 'PUT', body: 'content' })).status, 200);
  assert.equal((await bare(await presign('presigned', 'GET'))).body, 'content');
  assert.equal((await bare(await presign('presigned', 'GET'), { headers: { range: 'bytes=0-2' } })).body, 'con');
  assert.equal((await bare(at('presigned'))).status, 403, 'no signature');
  assert.equal((await bare(await presign('presigned', 'GET'), { method: 'DELETE' })).status, 403, 'another method');
  assert.equal(
    (await bare(put.replace('/presigned?', '/elsewhere?'), { method: 'PUT', body: 'x' })).status,
    403,
    'another key',
  );
});

test('presigned, a signed header is binding', async () => {
  const headers = { 'if-none-match': '*', 'x-amz-checksum-sha256': hash('sha256', 'right') };
  const url = await presign('bound', 'PUT', headers);
  assert.equal((await bare(url, { method: 'PUT', body: 'right' })).status, 403, 'headers left out');
  assert.equal((await bare(url, { method: 'PUT', body: 'wrong', headers })).status, 400, 'another content');
  assert.equal((await bare(url, { method: 'PUT', body: 'right', headers })).status, 200);
  assert.equal((await bare(url, { method: 'PUT', body: 'right', headers })).status, 412, 'a second time');
  const etag = `"${createHash('md5').update('right').digest('hex')}"`;
  const get = await presign('bound', 'GET', { 'if-match': etag });
  assert.equal((await bare(get, { headers: { 'if-match': etag } })).body, 'right');
  assert.equal((await bare(get)).status, 403);
});

test('after a kill -9 the objects are there again', async () => {
  await call(at('kept'), { method: 'PUT', body: 'kept' });
  await store.kill9();
  await assert.rejects(call(at('kept')));
  await store.start();
  assert.equal((await call(at('kept'))).body, 'kept');
});
