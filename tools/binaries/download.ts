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
const progressMilliseconds = 5_000;

export interface DownloadOptions {
  /** SHA-256 that the project publishes. */
  readonly checksum: string;
  /** An empty folder for this program alone. */
  readonly folder: string;
  readonly log: (line: string) => void;
  readonly signal?: AbortSignal;
  /** Milliseconds that never go back. */
  readonly now?: () => number;
}

/**
 * Asks for the checksums of all programs at once: 5 seconds are all that a machine without a network waits.
 * @returns by name; a program is missing whose host does not answer in time or has no release for this machine
 */
export async function publishedChecksums(
  binaries: readonly Binary[],
  signal?: AbortSignal,
  milliseconds = probeMilliseconds,
): Promise<Map<string, string>> {
  const limit = AbortSignal.any([AbortSignal.timeout(milliseconds), ...(signal ? [signal] : [])]);
  const found = await Promise.all(
    binaries.map(async ({ name, release }) => {
      const list = await unlessUnreachable(async () => {
        const response = await fetch(release.checksums, { signal: limit });
        return response.ok ? response.text() : undefined;
      });
      return [name, checksumOf(basename(release.url), list ?? '')] as const;
    }),
  );
  return new Map(found.filter((entry): entry is [(typeof entry)[0], string] => entry[1] !== undefined));
}

/**
 * Downloads a program from where its project publishes it.
 * @returns its path, or undefined when it cannot be had: no network, no release, or the connection broke.
 * @throws ToolError ChecksumMismatch
 */
export async function download(binary: Binary, options: DownloadOptions): Promise<string | undefined> {
  const { checksum, folder, log, signal, now = () => performance.now() } = options;
  const { url } = binary.release;
  const file = join(folder, basename(url));
  const limit = AbortSignal.any([AbortSignal.timeout(downloadMilliseconds), ...(signal ? [signal] : [])]);
  const actual = await unlessUnreachable(async () => {
    const response = await fetch(url, { signal: limit });
    if (!response.ok || response.body === null) return undefined;
    const total = Number(response.headers.get('content-length'));
    const size = total > 0 ? ` of ${megabytes(total)}` : '';
    log(`downloading ${binary.name} ${binary.version} from ${new URL(url).host}`);
    const progress = (bytes: number): void => log(`… ${binary.name}: ${megabytes(bytes)}${size}`);
    return save(Readable.fromWeb(response.body), file, progress, now);
  });
  if (actual === undefined) return undefined;
  if (actual !== checksum) throw new ToolError('ChecksumMismatch', `${url} has ${actual}, published is ${checksum}`);
  return unpack(binary, file, folder);
}

/** The checksum of a file in a list by `sha256sum`; a list of one bare checksum is that of its only file. */
export function checksumOf(file: string, list: string): string | undefined {
  const lines = list.trim().split('\n');
  const line = lines.length === 1 ? lines[0] : lines.find((text) => text.split(/\s+\*?/)[1] === file);
  return /^[0-9a-f]{64}\b/.exec(line ?? '')?.[0];
}

/** No network is an ordinary state of a build machine, before a connection and in the middle of it: the next way is tried. */
async function unlessUnreachable<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof TypeError || (error as Error).name === 'TimeoutError') return undefined;
    throw error;
  }
}

async function save(
  body: Readable,
  file: string,
  progress: (bytes: number) => void,
  now: () => number,
): Promise<string> {
  const hash = createHash('sha256');
  let bytes = 0;
  let toldAt = now();
  body.on('data', (chunk: Buffer) => {
    hash.update(chunk);
    bytes += chunk.byteLength;
    if (now() - toldAt < progressMilliseconds) return;
    toldAt = now();
    progress(bytes);
  });
  await pipeline(body, createWriteStream(file));
  return hash.digest('hex');
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

async function unpack({ name, release: { member = name } }: Binary, file: string, folder: string): Promise<string> {
  const path = join(folder, name);
  if (file !== path) {
    await run('tar', ['-xf', file, '-C', folder]); // bsdtar, macOS' own, reads .zip too
    for await (const found of glob([member, `*/${member}`], { cwd: folder })) await rename(join(folder, found), path);
  }
  await chmod(path, 0o755);
  return path;
}
