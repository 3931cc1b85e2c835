import { createHash } from 'node:crypto';
import { createReadStream, openAsBlob } from 'node:fs';
import { join } from 'node:path';
import { encodeNpyRecordsHeader, type RecordLayout } from '@isochrone/tensor';
import { BoundedFile, type ByteAllowance } from './bounded-file.ts';
import type { RequestTensor } from './request-line.ts';
import { sourceLines, type SourceLine } from './source-lines.ts';
import { idLayout, measureLines, NpyRecordsWriter, writeLines, type StagedRecords } from './staged-records.ts';
import { inScratchFolder } from './scratch-folder.ts';
import { StagingProblem } from './staging-problem.ts';
import { unpacked, type SourceFile } from './unpack.ts';

/** A whole .npy object that lies in a file. */
export interface StagedObject {
  /** Bytes before the first record. */
  readonly dataOffset: number;
  readonly body: Blob;
}

export interface StagedInput extends StagedRecords, StagedObject {
  /** Ids of the requests, where any has one, in the order of the records. */
  readonly ids: (StagedObject & { readonly recordBytes: number }) | undefined;
  readonly files: number;
  /** Of what was read, as it lies in the store; of a prefix, of the lines that sha256sum prints for them. */
  readonly sha256: string;
}

/** A line that is longer is refused: it is held, and parsed at once. */
export const longestLineBytes = 16 * 1024 * 1024;

/**
 * Brings an input that agents cannot read by ranges into one .npy object: compressed, of many files, of lines, or behind HTTP.
 * What is written lies in a folder of its own until `use` is done; of the input no more is held than a line or a chunk.
 * @throws StagingProblem; OperatorError STORAGE_*
 */
export async function stageInput<T>(
  files: AsyncIterable<SourceFile>,
  format: 'Npy' | 'OpenInferenceJSONLines',
  inputs: readonly RequestTensor[],
  limitBytes: number,
  use: (staged: StagedInput) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  return inScratchFolder(async (folder) => {
    const allowance = { limit: limitBytes, used: 0, refuse: (name: string) => tooLarge(name, limitBytes) };
    const digests: { path: string; sha256: string }[] = [];
    const read = async function* (): AsyncGenerator<OpenSource, void> {
      for await (const source of files) {
        signal.throwIfAborted();
        const { chunks, sha256 } = await unpacked(source, signal);
        yield { name: source.name, chunks };
        digests.push({ path: source.path, sha256: sha256() });
      }
    };
    const paths = { records: join(folder, 'records'), ids: join(folder, 'ids') };
    const staged = await (format === 'Npy'
      ? stageArrays(read(), paths.records, allowance)
      : stageLines(read(), folder, paths, inputs, allowance));
    const { layout, records, idBytes } = staged;
    const ids =
      idBytes === 0 ? undefined : { recordBytes: idBytes, ...(await object(paths.ids, idLayout(idBytes), records)) };
    const body = await object(paths.records, layout, records);
    return use({ layout, records, ...body, ids, files: digests.length, sha256: digestOf(digests) });
  });
}

interface OpenSource {
  readonly name: string;
  readonly chunks: AsyncIterable<Uint8Array>;
}

interface Staged extends StagedRecords {
  readonly idBytes: number;
}

async function stageArrays(
  sources: AsyncIterable<OpenSource>,
  path: string,
  allowance: ByteAllowance,
): Promise<Staged> {
  return writing(path, allowance, async (file) => {
    const writer = new NpyRecordsWriter(file);
    for await (const { name, chunks } of sources) await writer.add(name, chunks);
    return { ...writer.finish(), idBytes: 0 };
  });
}

/** Lines are kept as they come, and read twice: how long the longest string is shows only at the end. */
async function stageLines(
  sources: AsyncIterable<OpenSource>,
  folder: string,
  paths: { readonly records: string; readonly ids: string },
  inputs: readonly RequestTensor[],
  allowance: ByteAllowance,
): Promise<Staged> {
  const kept: { name: string; path: string }[] = [];
  const incoming = async function* (): AsyncGenerator<SourceLine, void> {
    for await (const { name, chunks } of sources) {
      const path = join(folder, String(kept.length));
      kept.push({ name, path });
      const file = await BoundedFile.create(path, allowance);
      const copied = async function* (): AsyncGenerator<Uint8Array, void> {
        for await (const chunk of chunks) {
          await file.append(chunk, name);
          yield chunk;
        }
      };
      try {
        yield* sourceLines(name, copied(), longestLineBytes);
        await file.finish();
      } finally {
        await file.close();
      }
    }
  };
  const form = await measureLines(incoming(), inputs);
  const again = async function* (): AsyncGenerator<SourceLine, void> {
    for (const { name, path } of kept) yield* sourceLines(name, createReadStream(path), longestLineBytes);
  };
  await writing(paths.records, allowance, (records) =>
    writing(paths.ids, allowance, (ids) => writeLines(again(), inputs, form, records, ids)),
  );
  return form;
}

async function writing<T>(path: string, allowance: ByteAllowance, work: (file: BoundedFile) => Promise<T>): Promise<T> {
  const file = await BoundedFile.create(path, allowance);
  try {
    const result = await work(file);
    await file.finish();
    return result;
  } finally {
    await file.close();
  }
}

async function object(path: string, layout: RecordLayout, records: number): Promise<StagedObject> {
  // Lines that are none have no form.
  const header = records === 0 ? new Uint8Array() : encodeNpyRecordsHeader(layout, records);
  const body = new Blob([header, await openAsBlob(path)]);
  return { dataOffset: header.byteLength, body };
}

function digestOf(digests: readonly { readonly path: string; readonly sha256: string }[]): string {
  const [first] = digests;
  if (first?.path === '') return first.sha256;
  const list = digests.map(({ path, sha256 }) => `${sha256}  ${path}\n`).join('');
  return createHash('sha256').update(list).digest('hex');
}

function tooLarge(name: string, limitBytes: number): StagingProblem {
  return new StagingProblem(
    'InputTooLarge',
    `${name}: the input takes more than ${limitBytes} bytes, unpacked and as records, which is the most that the operator copies; split it over several jobs, or write one uncompressed .npy object to S3, which is not copied`,
  );
}
