import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { chmod, glob, rename } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { ToolError } from '../errors.ts';
import type { Binary } from './catalog.ts';

const run = promisify(execFile);

const probeMilliseconds = 5_000;
const downloadMilliseconds = 600_000;

export interface DownloadOptions {
  /** An empty folder for this program alone. */
  readonly folder: string;
  readonly log: (line: string) => void;
  /** Hosts that did not answer; added to, so that none is waited for twice. */
  readonly unreachable: Set<string>;
  readonly signal?: AbortSignal;
}

/**
 * Downloads a program from where its project publishes it.
 * @returns its path, or undefined when there is no network or no release for this machine.
 * @throws ToolError ChecksumMismatch
 */
export async function download(binary: Binary, options: DownloadOptions): Promise<string | undefined> {
  const { folder, log, unreachable, signal = new AbortController().signal } = options;
  const { url, checksums } = binary.release;
  const { host } = new URL(url);
  if (unreachable.has(host)) return undefined;
  const listed = await ask(checksums, AbortSignal.any([signal, AbortSignal.timeout(probeMilliseconds)]));
  if (listed === 'unreachable') unreachable.add(host);
  if (typeof listed === 'string') return undefined;
  const expected = checksumOf(basename(url), await listed.text());
  if (expected === undefined) return undefined;
  log(`downloading ${binary.name} ${binary.version} from ${host}`);
  const response = await ask(url, AbortSignal.any([signal, AbortSignal.timeout(downloadMilliseconds)]));
  if (typeof response === 'string' || response.body === null) return undefined;
  const file = join(folder, basename(url));
  const actual = await save(Readable.fromWeb(response.body), file);
  if (actual !== expected) throw new ToolError('ChecksumMismatch', `${url} has ${actual}, published is ${expected}`);
  return unpack(binary.name, file, folder);
}

/** The checksum of a file in a list by `sha256sum`; a list of one bare checksum is that of its only file. */
export function checksumOf(file: string, list: string): string | undefined {
  const lines = list.trim().split('\n');
  const line = lines.length === 1 ? lines[0] : lines.find((text) => text.split(/\s+\*?/)[1] === file);
  return /^[0-9a-f]{64}\b/.exec(line ?? '')?.[0];
}

async function ask(url: string, signal: AbortSignal): Promise<Response | 'unreachable' | 'absent'> {
  try {
    const response = await fetch(url, { signal });
    return response.ok ? response : 'absent';
  } catch (error) {
    // No network is an ordinary state of a build machine: the next way of getting the program is tried.
    if (error instanceof TypeError || (error as Error).name === 'TimeoutError') return 'unreachable';
    throw error;
  }
}

async function save(body: Readable, file: string): Promise<string> {
  const hash = createHash('sha256');
  body.on('data', (chunk: Buffer) => hash.update(chunk));
  await pipeline(body, createWriteStream(file));
  return hash.digest('hex');
}

async function unpack(name: string, file: string, folder: string): Promise<string> {
  const path = join(folder, name);
  if (file !== path) {
    await run('tar', ['-xf', file, '-C', folder]); // bsdtar, macOS' own, reads .zip too
    for await (const member of glob(`*/${name}`, { cwd: folder })) await rename(join(folder, member), path);
  }
  await chmod(path, 0o755);
  return path;
}
