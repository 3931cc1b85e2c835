import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { catalog, type Binary } from './catalog.ts';
import { download } from './download.ts';

/** A release page on loopback: path to content. */
const pages = new Map<string, Buffer>();
let server: Server;
let folder: string;
let base: string;

beforeEach(async () => {
  pages.clear();
  folder = mkdtempSync(join(tmpdir(), 'isochrone-download-'));
  server = createServer(({ url = '' }, response) => {
    const page = pages.get(url);
    response.writeHead(page ? 200 : 404, { connection: 'close' }).end(page);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

const sha256 = (content: Buffer): string => createHash('sha256').update(content).digest('hex');

function release(url: string, checksums: string): Binary {
  return { ...catalog()[0]!, release: { url: base + url, checksums: base + checksums } };
}

function get(binary: Binary, unreachable = new Set<string>()): Promise<string | undefined> {
  return download(binary, { folder, unreachable, log: () => undefined });
}

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

test('another content than published is refused', async () => {
  pages
    .set('/kube-apiserver', Buffer.from('other'))
    .set('/kube-apiserver.sha256', Buffer.from(sha256(Buffer.from('published'))));
  await assert.rejects(get(release('/kube-apiserver', '/kube-apiserver.sha256')), { code: 'ChecksumMismatch' });
});

test('no release for this machine: the next way is tried', async () => {
  assert.equal(await get(release('/kube-apiserver', '/kube-apiserver.sha256')), undefined);
});

test('no network: the next way is tried, and the host is not asked again', async () => {
  const binary = release('/kube-apiserver', '/kube-apiserver.sha256');
  server.close();
  await once(server, 'close');
  const unreachable = new Set<string>();
  assert.equal(await get(binary, unreachable), undefined);
  assert.deepEqual([...unreachable], [new URL(base).host]);
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
