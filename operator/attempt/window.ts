import type { KeyObject } from 'node:crypto';
import type { InferenceTask } from '@isochrone/api';
import { readRecord, type RecordLayout } from '@isochrone/tensor';
import {
  leafHash,
  nodeKeyDigest,
  recordDigest,
  type Digest,
  type NamedTensor,
  type Receipt,
} from '@isochrone/verification';
import type { ObjectLocation, S3Client } from '../storage/index.ts';
import type { OutputForm } from './delivered-object.ts';
import type { RowObject } from './row-reader.ts';

/** One attempt's commitment, with everything that is needed to look at what was delivered for it. */
export interface Window {
  readonly spec: InferenceTask['spec'];
  readonly receipt: Receipt;
  readonly nodeKey: KeyObject;
  readonly input: RowObject;
  /** Of the input, with the names of the model. */
  readonly inputLayout: RecordLayout;
  /** In the order of the model. */
  readonly forms: readonly OutputForm[];
  readonly outputs: { readonly client: S3Client; readonly location: (shardIndex: number) => ObjectLocation };
}

/** Where a leaf's record lies. */
export interface WindowRow {
  readonly leaf: number;
  readonly shardIndex: number;
  /** Within the shard. */
  readonly row: number;
  /** Within the input object. */
  readonly record: number;
}

/** The leaves of a window in order: shard after shard. */
export function windowRows(spec: InferenceTask['spec']): WindowRow[] {
  const rows: WindowRow[] = [];
  for (const { index, firstRecord, records } of spec.shards ?? []) {
    for (let row = 0; row < records; row++)
      rows.push({ leaf: rows.length, shardIndex: index, row, record: firstRecord + row });
  }
  return rows;
}

/**
 * What the node must have committed to for a record with these bytes.
 * @param layout of the output
 * @throws TensorError for bytes that a tensor cannot hold
 */
export function expectedLeaf(
  { spec, receipt, nodeKey, inputLayout }: Window,
  { shardIndex, record }: WindowRow,
  input: Uint8Array,
  output: Uint8Array,
  layout: RecordLayout,
): Digest {
  return leafHash({
    jobUID: spec.workUID,
    shardIndex,
    attempt: spec.attempt,
    record,
    nodeKey: nodeKeyDigest(nodeKey),
    inputDigest: recordDigest(namedTensors(inputLayout, input)),
    modelDigest: receipt.modelDigest,
    numericProfile: spec.model.numericProfile,
    outputDigest: recordDigest(namedTensors(layout, output)),
  });
}

/** The tensors of a record by their names. @throws TensorError */
export function namedTensors(layout: RecordLayout, record: Uint8Array): NamedTensor[] {
  return readRecord(layout, record).map((tensor, index) => ({ name: layout.fields[index]!.name, tensor }));
}
