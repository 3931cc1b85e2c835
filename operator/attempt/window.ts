import type { KeyObject } from 'node:crypto';
import type { InferenceTask } from '@isochrone/api';
import { elementCount, dataTypeInfo, parseDataType } from '@isochrone/tensor';
import { leafHash, nodeKeyDigest, recordDigest, type Digest, type Receipt } from '@isochrone/verification';
import type { ObjectLocation, S3Client } from '../storage/index.ts';
import type { OutputForm } from './delivered-object.ts';
import type { RowObject } from './row-reader.ts';

/** One attempt's commitment, with everything that is needed to look at what was delivered for it. */
export interface Window {
  readonly spec: InferenceTask['spec'];
  readonly receipt: Receipt;
  readonly nodeKey: KeyObject;
  readonly input: RowObject;
  readonly inputName: string;
  readonly outputName: string;
  readonly output: OutputForm;
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

/** What the node must have committed to for a record with these bytes. */
export function expectedLeaf(
  window: Window,
  { shardIndex, record }: WindowRow,
  input: Uint8Array,
  output: Uint8Array,
  outputShape: readonly number[],
): Digest {
  const { spec, receipt } = window;
  const inputTensor = { dtype: parseDataType(spec.input!.dataType), shape: spec.input!.recordShape, data: input };
  const outputTensor = { dtype: parseDataType(window.output.dataType), shape: outputShape, data: output };
  return leafHash({
    jobUID: spec.workUID,
    shardIndex,
    attempt: spec.attempt,
    record,
    nodeKey: nodeKeyDigest(window.nodeKey),
    inputDigest: recordDigest([{ name: window.inputName, tensor: inputTensor }]),
    modelDigest: receipt.modelDigest,
    numericProfile: spec.model.numericProfile,
    outputDigest: recordDigest([{ name: window.outputName, tensor: outputTensor }]),
  });
}

/** Bytes of one record of an input. @throws TensorError */
export function recordBytes(input: { readonly dataType: string; readonly recordShape: readonly number[] }): number {
  return elementCount(input.recordShape) * (dataTypeInfo(parseDataType(input.dataType)).bytesPerElement ?? 0);
}
