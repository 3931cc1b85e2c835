import type { InferenceTask } from '@isochrone/api';
import { merkleRoot, verifyMerkleProof, type Digest } from '@isochrone/verification';
import { TensorError, type RecordLayout } from '@isochrone/tensor';
import { hasCode } from '../errors.ts';
import { DeliveredMismatch, readDelivered } from './delivered-object.ts';
import { readRows, type RowObject } from './row-reader.ts';
import { expectedLeaf, windowRows, type Window, type WindowRow } from './window.ts';

/** The input of the window is gone, or not the one that it was admitted or composed as. That says nothing against the node. */
export class WindowInputLost extends Error {
  override readonly name = 'WindowInputLost';
}

export type Opening = NonNullable<NonNullable<InferenceTask['status']>['openings']>[number];

/** What was delivered, by shard, as it was when it was checked. */
export type DeliveredRows = ReadonlyMap<number, RowObject & { readonly layout: RecordLayout }>;

/**
 * Looks at the bytes that were delivered: each object once, its digest, form and rows; the leaves of the checked rows are
 * made anew and must be the ones under the signed root, by the openings or, when all rows are checked, by the root itself.
 * @param rows leaf indices, ascending
 * @throws DeliveredMismatch as proof against the node; OutputOffForm; WindowInputLost; OperatorError STORAGE_*
 */
export async function checkDelivered(
  window: Window,
  rows: 'All' | readonly number[],
  openings: readonly Opening[],
  signal?: AbortSignal,
): Promise<DeliveredRows> {
  const all = windowRows(window.spec);
  const checked = rows === 'All' ? all : rows.map((leaf) => all[leaf]!);
  const inputs = readInputs(window, checked, signal);
  const leaves: Digest[] = [];
  const delivered = new Map<number, RowObject & { readonly layout: RecordLayout }>();
  let next = 0;
  for (const { index: shardIndex } of window.spec.shards ?? []) {
    const signed = window.receipt.outputs.find((output) => output.shardIndex === shardIndex)!;
    const location = window.outputs.location(shardIndex);
    const { header, etag } = await readDelivered(
      window.outputs.client,
      location,
      signed,
      window.forms,
      async (bytes, row, layout) => {
        const wanted = checked[next];
        if (wanted?.shardIndex !== shardIndex || wanted.row !== row) return;
        next++;
        const input = (await inputs.next()).value!;
        leaves.push(leafOf(window, wanted, input, bytes, layout));
      },
      signal,
    );
    delivered.set(shardIndex, {
      client: window.outputs.client,
      location,
      etag,
      dataOffset: header.dataOffset,
      rowBytes: header.recordBytes,
      layout: header,
    });
  }
  if (rows === 'All') checkRoot(window, leaves);
  else for (const [position, leaf] of leaves.entries()) checkOpening(window, rows[position]!, leaf, openings);
  return delivered;
}

async function* readInputs(
  { input }: Window,
  rows: readonly WindowRow[],
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  try {
    yield* readRows(
      rows.map(({ record }) => ({ object: input, row: record })),
      signal,
    );
  } catch (error) {
    if (!hasCode(error, 'STORAGE_NOT_FOUND', 'STORAGE_PRECONDITION')) throw error;
    throw new WindowInputLost(error.message, { cause: error });
  }
}

/** Bytes that a tensor of the model's type cannot hold (a BOOL of 7) are a mismatch too. */
function leafOf(window: Window, row: WindowRow, input: Uint8Array, output: Uint8Array, layout: RecordLayout): Digest {
  try {
    return expectedLeaf(window, row, input, output, layout);
  } catch (error) {
    if (error instanceof TensorError) throw new DeliveredMismatch(`record ${row.record}: ${error.message}`);
    throw error;
  }
}

function checkRoot({ receipt }: Window, leaves: readonly Digest[]): void {
  if (Buffer.compare(merkleRoot(leaves), receipt.root) !== 0)
    throw new DeliveredMismatch('the delivered rows are not those under the signed root');
}

function checkOpening({ receipt }: Window, index: number, leaf: Digest, openings: readonly Opening[]): void {
  const siblings = Buffer.from(openings.find((opening) => opening.index === index)?.proof ?? '', 'base64');
  const proof = Array.from({ length: Math.floor(siblings.byteLength / 32) }, (_, step) =>
    siblings.subarray(step * 32, step * 32 + 32),
  );
  const holds =
    siblings.byteLength % 32 === 0 &&
    verifyMerkleProof({ root: receipt.root, leaf, index, leafCount: receipt.leafCount, proof });
  if (!holds) throw new DeliveredMismatch(`row ${index} as delivered is not the one under the signed root`);
}
