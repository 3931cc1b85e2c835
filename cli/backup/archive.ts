import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { isDumpRow, type DumpRow } from '@isochrone/ledger';
import { CliError } from '../errors.ts';
import type { KeptObject } from './kept-objects.ts';

/**
 * The form of a backup: JSON lines, compressed. First the header, then the objects in the order in which they are restored,
 * then the rows of the ledger, last the trailer with the counts and the SHA-256 of all bytes before it.
 */
const FORMAT = 'isochrone-backup';
const FORMAT_VERSION = 1;

export interface ArchiveHeader {
  /** Version of the program that wrote it. */
  readonly program: string;
  /** RFC 3339. */
  readonly createdAt: string;
  readonly hub: string;
  /** Of the hub, at which the objects were read. */
  readonly resourceVersion: string;
}

export interface Counts {
  readonly objects: Readonly<Record<string, number>>;
  readonly rows: Readonly<Record<string, number>>;
}

export interface Archive {
  readonly counts: Counts;
  readonly header: ArchiveHeader;
  /** Names the contents. */
  readonly sha256: string;
  readonly kept: readonly KeptObject[];
  /** Reads the file again. @throws CliError BACKUP_INVALID when it changed meanwhile */
  rows(): AsyncGenerator<DumpRow, void>;
}

/** Writes what `fill` gives, objects first. @returns what the trailer says */
export async function writeArchive(
  to: Writable,
  header: ArchiveHeader,
  fill: (write: (item: KeptObject | DumpRow) => Promise<void>) => Promise<void>,
): Promise<Counts & { readonly sha256: string }> {
  const lines = createGzip();
  const written = pipeline(lines, to);
  // Told by what is awaited below.
  written.catch(() => undefined);
  const hash = createHash('sha256');
  const counts = newCounts();
  const put = async (value: object): Promise<void> => {
    const line = `${JSON.stringify(value)}\n`;
    hash.update(line);
    if (!lines.write(line)) await Promise.race([new Promise((resolve) => lines.once('drain', resolve)), written]);
  };
  await put({ format: FORMAT, version: FORMAT_VERSION, ...header });
  try {
    await fill(async (item) => {
      count(counts, item);
      await put(item);
    });
  } catch (error) {
    lines.destroy();
    await written.catch(() => undefined);
    throw error;
  }
  const sha256 = hash.digest('hex');
  lines.end(`${JSON.stringify({ end: { ...counts, sha256 } })}\n`);
  await written;
  return { ...counts, sha256 };
}

/** Reads all of it once, and so proves that it is whole. @throws CliError BACKUP_INVALID, NOT_FOUND */
export async function readArchive(path: string): Promise<Archive> {
  const kept: KeptObject[] = [];
  const counts = newCounts();
  let header: ArchiveHeader | undefined;
  let sha256 = '';
  for await (const item of items(path)) {
    if ('header' in item) header = item.header;
    else if ('sha256' in item) {
      sha256 = item.sha256;
      const { objects, rows } = item;
      if (JSON.stringify({ objects, rows }) !== JSON.stringify(counts)) throw invalid(path, 'its counts do not match');
    } else {
      count(counts, item.item);
      if (!isDumpRow(item.item)) kept.push(item.item);
    }
  }
  return {
    header: header!,
    counts,
    sha256,
    kept,
    async *rows() {
      for await (const item of items(path)) {
        if ('item' in item && isDumpRow(item.item)) yield item.item;
        if ('sha256' in item && item.sha256 !== sha256) throw invalid(path, 'it changed while it was read');
      }
    },
  };
}

type Item =
  { readonly header: ArchiveHeader } | { readonly item: KeptObject | DumpRow } | (Counts & { readonly sha256: string });

async function* items(path: string): AsyncGenerator<Item, void> {
  const hash = createHash('sha256');
  let [isFirst, isEnded] = [true, false];
  for await (const line of linesOf(path)) {
    if (isEnded) throw invalid(path, 'something follows its end');
    const value = parse(path, line);
    if (isFirst) yield { header: readHeader(path, value) };
    else if ('end' in value) {
      const end = value['end'] as Counts & { sha256: string };
      if (end.sha256 !== digest(hash)) throw invalid(path, 'its SHA-256 does not match its contents');
      isEnded = true;
      yield end;
    } else if (isDumpRow(value)) yield { item: value };
    else if (typeof value['kind'] === 'string') yield { item: value as unknown as KeptObject };
    else throw invalid(path, `a line is neither an object nor a row of the ledger: ${line.slice(0, 80)}`);
    hash.update(`${line}\n`);
    isFirst = false;
  }
  if (!isEnded) throw invalid(path, 'it ends too early');
}

async function* linesOf(path: string): AsyncGenerator<string, void> {
  const bytes = createReadStream(path);
  const plain = createGunzip();
  // An error of either ends the reading below.
  bytes.on('error', (error) => plain.destroy(error));
  try {
    yield* createInterface({ input: Readable.from(bytes.pipe(plain)), crlfDelay: Infinity });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT')
      throw new CliError('NOT_FOUND', `there is no file ${path}; name a backup that isochrone backup wrote`);
    if (code?.startsWith('Z_') === true) throw invalid(path, message);
    throw error;
  } finally {
    bytes.destroy();
  }
}

function parse(path: string, line: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw invalid(path, `a line is not JSON: ${(cause as Error).message}`);
  }
  if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  throw invalid(path, 'a line is not an object');
}

function readHeader(path: string, { format, version, ...header }: Record<string, unknown>): ArchiveHeader {
  if (format !== FORMAT) throw invalid(path, `its first line does not say ${FORMAT}`);
  if (version === FORMAT_VERSION) return header as unknown as ArchiveHeader;
  throw new CliError(
    'BACKUP_INVALID',
    `${path} is of format version ${String(version)}, written by isochrone ${String(header['program'])}; this one reads version ${FORMAT_VERSION}: use that program`,
  );
}

function digest(hash: Hash): string {
  return hash.copy().digest('hex');
}

function newCounts(): { objects: Record<string, number>; rows: Record<string, number> } {
  return { objects: {}, rows: {} };
}

function count(counts: ReturnType<typeof newCounts>, item: KeptObject | DumpRow): void {
  const [group, name] = isDumpRow(item) ? ([counts.rows, item.table] as const) : ([counts.objects, item.kind] as const);
  group[name] = (group[name] ?? 0) + 1;
}

function invalid(path: string, why: string): CliError {
  return new CliError('BACKUP_INVALID', `${path} is damaged or no backup: ${why}; use another one`);
}
