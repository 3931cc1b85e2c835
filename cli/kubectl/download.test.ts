import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { checkObject, downloadShards } from './download.ts';
import { besideManifest } from './results.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'isochrone-download-'));
});
afterEach(() => rm(directory, { recursive: true }));

const shards = ['zero', 'one'].map((body, index) => ({
  index,
  uri: `s3://vision/out/${body}`,
  sha256: createHash('sha256').update(body).digest('hex'),
}));
const manifest = Buffer.from('{}');

/** Holds what is named; an object has its own key as its bytes unless told otherwise. */
function storageOf(objects: Readonly<Record<string, string>>): Parameters<typeof downloadShards>[0] {
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
  await downloadShards(whole, directory, manifest, shards);
  assert.deepEqual((await readdir(directory)).sort(), ['000000.npy', '000001.npy', 'manifest.json']);
  assert.equal(await readFile(join(directory, '000001.npy'), 'utf8'), 'one');
});

test('a download that fails midway leaves nothing, so it can be tried again', async () => {
  await assert.rejects(downloadShards(storageOf({ 'out/zero': 'zero' }), directory, manifest, shards), /no out\/one/);
  const changed = storageOf({ 'out/zero': 'zero', 'out/one': 'two' });
  await assert.rejects(downloadShards(changed, directory, manifest, shards), { code: 'DIGEST_MISMATCH' });
  assert.deepEqual(await readdir(directory), []);
  await downloadShards(whole, directory, manifest, shards);
});

test('an object is checked without being kept', async () => {
  await checkObject(whole, shards[0]!);
  await assert.rejects(checkObject(whole, { ...shards[0]!, sha256: '' }), { code: 'DIGEST_MISMATCH' });
});

test('nothing is overwritten', async () => {
  await writeFile(join(directory, '000001.npy'), 'mine');
  await assert.rejects(downloadShards(whole, directory, manifest, shards), {
    code: 'FILE_EXISTS',
    message: /000001\.npy exists; name an empty directory/,
  });
  assert.deepEqual(await readdir(directory), ['000001.npy']);
});

test('an object lies beside the manifest, whatever the prefix is', () => {
  for (const prefix of ['s3://vision/', 's3://vision/my results é/', 's3://vision/a#1/b?x=%20/'])
    assert.equal(besideManifest(`${prefix}manifest.json`, 'attempts/t/0.npy'), `${prefix}attempts/t/0.npy`);
});
