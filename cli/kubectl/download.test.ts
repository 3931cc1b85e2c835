import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import type { S3Client } from '@isochrone/operator/storage';
import { checkObject, downloadObjects } from './download.ts';
import { parseManifest } from './manifest.ts';
import { besideManifest, responseLines } from './results.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'isochrone-download-'));
});
afterEach(() => rm(directory, { recursive: true }));

const shards = ['zero', 'one'].map((body, index) => ({
  file: `00000${index}.npy`,
  uri: `s3://vision/out/${body}`,
  sha256: createHash('sha256').update(body).digest('hex'),
}));
const manifest = Buffer.from('{}');

/** Holds what is named; an object has its own key as its bytes unless told otherwise. */
function storageOf(objects: Readonly<Record<string, string>>): Parameters<typeof downloadObjects>[0] {
  return {
    async getStream({ key }) {
      const body = objects[key];
      if (body === undefined) throw new Error(`no ${key}`);
      return Object.assign(
        (async function* () {
          for (const letter of body) yield Buffer.from(letter);
        })(),
        { etag: '' },
      );
    },
  };
}
const whole = storageOf({ 'out/zero': 'zero', 'out/one': 'one' });

test('a download is whole', async () => {
  await downloadObjects(whole, directory, manifest, shards);
  assert.deepEqual((await readdir(directory)).sort(), ['000000.npy', '000001.npy', 'manifest.json']);
  assert.equal(await readFile(join(directory, '000001.npy'), 'utf8'), 'one');
});

test('a download that fails midway leaves nothing, so it can be tried again', async () => {
  await assert.rejects(downloadObjects(storageOf({ 'out/zero': 'zero' }), directory, manifest, shards), /no out\/one/);
  const changed = storageOf({ 'out/zero': 'zero', 'out/one': 'two' });
  await assert.rejects(downloadObjects(changed, directory, manifest, shards), { code: 'DIGEST_MISMATCH' });
  assert.deepEqual(await readdir(directory), []);
  await downloadObjects(whole, directory, manifest, shards);
});

test('an object is checked without being kept', async () => {
  await checkObject(whole, shards[0]!);
  await assert.rejects(checkObject(whole, { ...shards[0]!, sha256: '' }), { code: 'DIGEST_MISMATCH' });
});

test('nothing is overwritten', async () => {
  await writeFile(join(directory, '000001.npy'), 'mine');
  await assert.rejects(downloadObjects(whole, directory, manifest, shards), {
    code: 'FILE_EXISTS',
    message: /000001\.npy exists; name an empty directory/,
  });
  assert.deepEqual(await readdir(directory), ['000001.npy']);
});

test('an object lies beside the manifest, whatever the prefix is', () => {
  for (const prefix of ['s3://vision/', 's3://vision/my results é/', 's3://vision/a#1/b?x=%20/'])
    assert.equal(besideManifest(`${prefix}manifest.json`, 'attempts/t/0.npy'), `${prefix}attempts/t/0.npy`);
});

const digestOf = (body: string): string => createHash('sha256').update(body).digest('hex');
const object = (path: string) => ({ path, sha256: digestOf(path), sizeBytes: path.length });

test('responses are printed in the order of their requests, each checked first', async () => {
  const results = (names: readonly string[], storage = storageOf({ 'out/one': 'one', 'out/two': 'two' })) =>
    responseLines({
      storage: storage as S3Client,
      manifest: { uri: 's3://vision/out/manifest.json', sha256: '', bytes: manifest },
      shards: names.map((name, index) => ({ index, records: 1, ...object('x'), responses: object(name) })),
      uriOf: ({ path }) => besideManifest('s3://vision/out/manifest.json', path),
    });
  const printed: string[] = [];
  for await (const part of results(['two', 'one'])!) printed.push(Buffer.from(part).toString());
  assert.deepEqual(printed, ['two', 'one']);
  const changed = results(['one'], storageOf({ 'out/one': 'other' }))!;
  await assert.rejects(changed.next(), { code: 'DIGEST_MISMATCH' });
  assert.equal(results([]), undefined, 'arrays have none');
});

test('a manifest tells of responses, or is refused', () => {
  const told = (responses: object): string =>
    JSON.stringify({ shards: [{ index: 0, records: 1, ...object('a.npy'), responses }] });
  assert.deepEqual(parseManifest(told(object('a.jsonl')), 'm').shards[0]?.responses, object('a.jsonl'));
  assert.throws(() => parseManifest(told({ path: 'a.jsonl' }), 'm'), { code: 'RESULTS_INVALID' });
});
