import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { catalog, type Binary } from './catalog.ts';
import { download, publishedChecksums } from './download.ts';

/** A release page on loopback: path to content, or to an answer of another kind. */
const pages = new Map<string, Buffer | ((response: ServerResponse) => void)>();
let server: Server;
let folder: string;
let base: string;

beforeEach(async () => {
  pages.clear();
  folder = mkdtempSync(join(tmpdir(), 'isochrone-download-'));
  server = createServer(({ url = '' }, response) => {
    const page = pages.get(url);
    if (typeof page === 'function') page(response);
    else response.writeHead(page ? 200 : 404, { connection: 'close' }).end(page);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  server.close();
  server.closeAllConnections();
  rmSync(folder, { recursive: true });
});

const sha256 = (content: Buffer): string => createHash('sha256').update(content).digest('hex');

function release(url: string, checksums: string): Binary {
  return { ...catalog()[0]!, release: { url: base + url, checksums: base + checksums } };
}

/** As `ensureBinaries` does. @returns undefined where it would build the program */
async function get(binary: Binary, log: string[] = [], now?: () => number): Promise<string | undefined> {
  const checksum = (await publishedChecksums([binary], undefined, 500)).get(binary.name);
  if (checksum === undefined) return undefined;
  return download(binary, { checksum, folder, log: (line) => log.push(line), ...(now && { now }) });
}

/** An answer that never ends. */
const stalled = (response: ServerResponse): void => void response.writeHead(200).write('00');
/** An answer whose connection breaks. */
const broken = (response: ServerResponse): void =>
  void response.writeHead(200, { 'content-length': '1000' }).write('00', () => response.destroy());

test('a bare program with its own checksum file', async () => {
  const content = Buffer.from('#!/bin/sh\necho hello\n');
  pages.set('/kube-apiserver', content).set('/kube-apiserver.sha256', Buffer.from(sha256(content)));
  const path = await get(release('/kube-apiserver', '/kube-apiserver.sha256'));
  assert.equal(execFileSync(path!, { encoding: 'utf8' }), 'hello\n');
});

test('a program in an archive, among others in the list', async () => {
  mkdirSync(join(folder, 'release-v1'));
  writeFileSync(join(folder, 'release-v1', 'kube-apiserver'), 'program');
  execFileSync('tar', ['-czf', 'made.tar.gz', 'release-v1'], { cwd: folder });
  const archive = readFileSync(join(folder, 'made.tar.gz'));
  rmSync(join(folder, 'release-v1'), { recursive: true });
  pages
    .set('/a.tar.gz', archive)
    .set('/SHA256SUMS', Buffer.from(`${'0'.repeat(64)}  b.tar.gz\n${sha256(archive)}  a.tar.gz\n`));
  const path = await get(release('/a.tar.gz', '/SHA256SUMS'));
  assert.equal(path, join(folder, 'kube-apiserver'));
  assert.equal(readFileSync(path, 'utf8'), 'program');
  assert.equal(statSync(path).mode & 0o111, 0o111);
});

test('a program that has another name in its archive', async () => {
  writeFileSync(join(folder, 'program-linux'), 'program');
  execFileSync('tar', ['-czf', 'made.tar.gz', './program-linux'], { cwd: folder });
  const archive = readFileSync(join(folder, 'made.tar.gz'));
  rmSync(join(folder, 'program-linux'));
  pages.set('/a.tar.gz', archive).set('/a.tar.gz.sha256', Buffer.from(sha256(archive)));
  const binary = release('/a.tar.gz', '/a.tar.gz.sha256');
  const path = await get({ ...binary, release: { ...binary.release, member: 'program-linux' } });
  assert.equal(path, join(folder, 'kube-apiserver'));
  assert.equal(readFileSync(path, 'utf8'), 'program');
});

test('another content than published is refused', async () => {
  pages
    .set('/kube-apiserver', Buffer.from('other'))
    .set('/kube-apiserver.sha256', Buffer.from(sha256(Buffer.from('published'))));
  await assert.rejects(get(release('/kube-apiserver', '/kube-apiserver.sha256')), { code: 'ChecksumMismatch' });
});

test('no release for this machine: the next way is tried', async () => {
  assert.equal(await get(release('/kube-apiserver', '/kube-apiserver.sha256')), undefined);
});

test('no network: the next way is tried', async () => {
  const binary = release('/kube-apiserver', '/kube-apiserver.sha256');
  server.close();
  await once(server, 'close');
  assert.equal(await get(binary), undefined);
});

test('checksums that do not come: the next way is tried', async () => {
  for (const answer of [stalled, broken]) {
    pages.set('/kube-apiserver.sha256', answer);
    assert.equal(await get(release('/kube-apiserver', '/kube-apiserver.sha256')), undefined);
  }
});

test('a download that breaks off: the next way is tried', async () => {
  pages.set('/kube-apiserver', broken).set('/kube-apiserver.sha256', Buffer.from('0'.repeat(64)));
  assert.equal(await get(release('/kube-apiserver', '/kube-apiserver.sha256')), undefined);
});

test('all hosts are waited for at once', async () => {
  pages.set('/stalled', stalled).set('/good', Buffer.from('0'.repeat(64)));
  const named = (name: 'etcd' | 'kubectl' | 'versitygw', checksums: string): Binary => ({
    ...release(`/${name}`, checksums),
    name,
  });
  const binaries = [named('etcd', '/stalled'), named('kubectl', '/good'), named('versitygw', '/stalled')];
  const since = performance.now();
  assert.deepEqual([...(await publishedChecksums(binaries, undefined, 500)).keys()], ['kubectl']);
  assert.ok(performance.now() - since < 950, 'once the time of one');
});

test('a caller that stops it is not taken for a network that is down', async () => {
  pages.set('/stalled', stalled);
  const asked = publishedChecksums([release('/kube-apiserver', '/stalled')], AbortSignal.abort(new Error('stopped')));
  await assert.rejects(asked, /stopped/);
});

test('a long download says how far it is', async () => {
  const content = Buffer.alloc(2_500_000);
  pages
    .set(
      '/kube-apiserver',
      (response) => void response.writeHead(200, { 'content-length': content.byteLength }).end(content),
    )
    .set('/kube-apiserver.sha256', Buffer.from(sha256(content)));
  const log: string[] = [];
  let time = 0;
  await get(release('/kube-apiserver', '/kube-apiserver.sha256'), log, () => (time += 4_000));
  assert.match(log[0]!, /^downloading kube-apiserver v.* from 127\.0\.0\.1/);
  assert.match(log[1]!, /^… kube-apiserver: \d\.\d MB of 2\.5 MB$/);
});

test('without Go, the error says what to do', () => {
  const program = `import { build } from ${JSON.stringify(join(import.meta.dirname, 'go-build.ts'))};
    import { catalog } from ${JSON.stringify(join(import.meta.dirname, 'catalog.ts'))};
    await build(catalog()[0], { folder: ${JSON.stringify(folder)}, log() {} }).catch((error) => console.log(error.code, error.message));`;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    env: { PATH: folder },
    encoding: 'utf8',
  });
  assert.match(stdout, /^BinaryUnavailable .*kube-apiserver.*install Go/);
});
