import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { readArchive, writeArchive, type Archive } from './archive.ts';

const folder = await mkdtemp(join(tmpdir(), 'isochrone-archive-'));
after(() => rm(folder, { recursive: true, force: true }));
const path = join(folder, 'backup.jsonl.gz');

const header = { program: '0.1.0', createdAt: '2026-11-01T00:00:00Z', hub: 'https://hub', resourceVersion: '7' };
const provider = { apiVersion: 'isochrone.dev/v1alpha1', kind: 'Provider', metadata: { name: 'alpha' } };
const row = { table: 'leadership', values: ['1'] } as const;

/** A whole backup with one object and one row. */
async function whole(): Promise<Buffer> {
  await writeArchive(createWriteStream(path), header, async (write) => {
    await write(provider);
    await write(row);
  });
  return readFile(path);
}

const first = { format: 'isochrone-backup', version: 1, ...header };

function textOf(items: readonly (object | string)[]): string {
  return items.map((item) => `${typeof item === 'string' ? item : JSON.stringify(item)}\n`).join('');
}

/** The trailer that makes the lines whole, but for what is changed. */
function endOf(items: readonly (object | string)[], change: object = {}): object {
  const sha256 = createHash('sha256').update(textOf(items)).digest('hex');
  return { end: { objects: { Provider: 1 }, rows: { leadership: 1 }, sha256, ...change } };
}

function lines(items: readonly (object | string)[], change: object = {}): Buffer {
  return gzipSync(textOf([...items, endOf(items, change)]));
}

async function rowsOf(archive: Archive): Promise<object[]> {
  const rows = [];
  for await (const one of archive.rows()) rows.push(one);
  return rows;
}

describe('a backup file', () => {
  test('is read as it was written, twice', async () => {
    await whole();
    const archive = await readArchive(path);
    assert.deepEqual(archive.header, header);
    assert.deepEqual(archive.kept, [provider]);
    assert.deepEqual(archive.counts, { objects: { Provider: 1 }, rows: { leadership: 1 } });
    assert.deepEqual(await rowsOf(archive), [row]);
  });

  test('that changes between the two readings is refused at the second', async () => {
    await whole();
    const archive = await readArchive(path);
    await writeFile(path, lines([first, { ...provider, metadata: { name: 'beta' } }, row]));
    await assert.rejects(rowsOf(archive), /changed while it was read/);
  });

  const rows: readonly (readonly [name: string, change: (bytes: Buffer) => Buffer, message: RegExp])[] = [
    ['is empty', () => Buffer.alloc(0), /unexpected end of file/],
    ['is no gzip', () => Buffer.from('kind: List\n'), /incorrect header check/],
    ['is cut in the middle', (bytes) => bytes.subarray(0, bytes.length / 2), /unexpected end of file/],
    ['lacks its last byte', (bytes) => bytes.subarray(0, -1), /unexpected end of file/],
    ['has a wrong checksum of gzip', (bytes) => flipped(bytes, bytes.length - 6), /incorrect data check/],
    ['is of something else', () => gzipSync('{"kind":"List"}\n'), /first line does not say isochrone-backup/],
    ['is of a newer version', () => lines([{ ...first, version: 2 }]), /version 2, written by isochrone 0\.1\.0/],
    ['has no trailer', () => gzipSync(`${JSON.stringify(first)}\n`), /ends too early/],
    [
      'has lines after its trailer',
      () => lines([first, provider, row, endOf([first, provider, row])]),
      /follows its end/,
    ],
    ['has another object', () => lines([first, provider, row], { sha256: '0'.repeat(64) }), /SHA-256 does not match/],
    ['lacks an object', () => lines([first, row]), /counts do not match/],
    ['has a line that is not JSON', () => lines([first, '{"kind":']), /not JSON/],
    ['has a line that is no object', () => lines([first, '7']), /not an object/],
    [
      'has a line of neither sort',
      () => lines([first, { table: 'nonsense', values: [] }]),
      /neither an object nor a row/,
    ],
  ];
  for (const [name, change, message] of rows) {
    test(`that ${name} is refused`, async () => {
      await writeFile(path, change(await whole()));
      await assert.rejects(readArchive(path), (error: Error & { code: string }) => {
        assert.equal(error.code, 'BACKUP_INVALID');
        assert.ok(error.message.includes(path), 'it names the file');
        assert.match(error.message, message);
        assert.match(error.message, /use (another one|that program)$/);
        return true;
      });
    });
  }

  test('that is not there is told so', async () => {
    await assert.rejects(readArchive(join(folder, 'nowhere')), { code: 'NOT_FOUND' });
  });

  test('that could not be filled is not whole', async () => {
    const broken = join(folder, 'broken');
    const filling = writeArchive(createWriteStream(broken), header, async (write) => {
      await write(provider);
      throw new Error('the ledger went away');
    });
    await assert.rejects(filling, /the ledger went away/);
    await assert.rejects(readArchive(broken), { code: 'BACKUP_INVALID' });
  });
});

function flipped(bytes: Buffer, index: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[index]! ^= 0xff;
  return copy;
}
