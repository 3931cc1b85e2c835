import { parseS3URI } from '@isochrone/operator/storage';
import {
  assertNpyLength,
  encodeNpyRecordsHeader,
  layoutOf,
  parseNpyRecords,
  parseStringType,
  readRecords,
  textType,
  writeRecords,
  type NpyRecords,
  type RecordLayout,
} from '@isochrone/tensor';
import { CliError } from '../errors.ts';
import type { Connection } from './connection.ts';
import { readWhole } from './download.ts';
import type { ManifestShard } from './manifest.ts';
import { openResults, type OpenResults } from './results.ts';

/** Holds the header of any shard: one that is longer has thousands of fields. */
const headerBytes = 64 * 1024;

/**
 * The outputs of all shards as one .npy, each checked against its digest before any of its bytes come. Strings are as wide in
 * a shard as its longest; here they are as wide as the longest of all.
 * @throws CliError DIGEST_MISMATCH, RESULTS_INVALID and what {@link openResults} does
 */
export async function* joinedResults(connected: Connection, name: string): AsyncGenerator<Uint8Array, void> {
  const results = await openResults(connected, name);
  const { storage, shards, uriOf } = results;
  const records = shards.reduce((sum, shard) => sum + shard.records, 0);
  const headers = await Promise.all(shards.map(async (shard) => readHeader(results, shard)));
  const layout = joinedLayout(
    headers.map((header, index) => ({ ...header, uri: uriOf(shards[index]!) })),
    name,
  );
  yield encodeNpyRecordsHeader(layout, records);
  for (const shard of shards) {
    const bytes = await readWhole(storage, { uri: uriOf(shard), sha256: shard.sha256 });
    const header = parseNpyRecords(bytes);
    assertNpyLength(header, bytes.byteLength);
    const rows = bytes.subarray(header.dataOffset);
    const isSame = JSON.stringify(header.fields) === JSON.stringify(layout.fields);
    yield isSame ? rows : writeRecords(layout, readRecords(header, rows, header.records));
  }
}

async function readHeader({ storage, uriOf }: OpenResults, shard: ManifestShard): Promise<NpyRecords> {
  const end = Math.min(shard.sizeBytes, headerBytes);
  return parseNpyRecords(await storage.getRange(parseS3URI(uriOf(shard)), { start: 0, end }));
}

/** @throws CliError RESULTS_INVALID when records differ in more than the length of their strings */
export function joinedLayout(headers: readonly (NpyRecords & { readonly uri: string })[], name: string): RecordLayout {
  const kind = ({ fields }: RecordLayout): string =>
    fields.map((field) => `${field.name}:${field.dataType}[${field.shape.join()}]`).join(' ');
  const [first] = headers as [NpyRecords & { readonly uri: string }];
  const other = headers.find((header) => kind(header) !== kind(first));
  if (other !== undefined) {
    throw new CliError(
      'RESULTS_INVALID',
      `${other.uri} has records of another shape than shard 0; take the shards one by one: kubectl isochrone results job/${name} -o DIRECTORY`,
    );
  }
  return layoutOf(
    first.fields.map((field, index) => {
      if (field.stringType === undefined) return field;
      const lengths = headers.map(({ fields }) => parseStringType(fields[index]!.stringType).length);
      return { ...field, stringType: textType(Math.max(...lengths)) };
    }),
  );
}
