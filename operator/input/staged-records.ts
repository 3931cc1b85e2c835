import {
  MAX_NPY_HEADER_BYTES,
  NPY_PREFIX_BYTES,
  TensorError,
  assertNpyLength,
  createTensor,
  decodeBytesElements,
  encodeBytesElements,
  layoutOf,
  npyHeaderLength,
  parseNpyRecords,
  stringLengthOf,
  textType,
  writeRecords,
  type NpyRecords,
  type RecordLayout,
  type Tensor,
} from '@isochrone/tensor';
import type { BoundedFile } from './bounded-file.ts';
import { parseRequestLine, RequestProblem, type RequestLine, type RequestTensor } from './request-line.ts';
import type { SourceLine } from './source-lines.ts';
import { StagingProblem } from './staging-problem.ts';

/** Records of all files of an input, one after another. */
export interface StagedRecords {
  readonly layout: RecordLayout;
  readonly records: number;
}

/** Puts the records of .npy files of one form together. */
export class NpyRecordsWriter {
  readonly #file: BoundedFile;
  #layout: RecordLayout | undefined;
  #records = 0;

  constructor(file: BoundedFile) {
    this.#file = file;
  }

  /** @throws StagingProblem */
  async add(name: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    let front: Uint8Array = new Uint8Array();
    let header: NpyRecords | undefined;
    let length = 0;
    try {
      for await (const chunk of chunks) {
        length += chunk.byteLength;
        if (header !== undefined) {
          await this.#file.append(chunk, name);
          continue;
        }
        front = Buffer.concat([front, chunk]);
        if (front.byteLength < NPY_PREFIX_BYTES || front.byteLength < npyHeaderLength(front)) continue;
        header = this.#begin(name, parseNpyRecords(front));
        await this.#file.append(front.subarray(header.dataOffset), name);
      }
      header ??= this.#begin(name, parseNpyRecords(front.subarray(0, MAX_NPY_HEADER_BYTES)));
      assertNpyLength(header, length);
    } catch (error) {
      if (!(error instanceof TensorError)) throw error;
      throw new StagingProblem('InputInvalid', `${name}: ${error.message}`, { cause: error });
    }
    this.#records += header.records;
  }

  /** Before more than its header is read. */
  #begin(name: string, header: NpyRecords): NpyRecords {
    const { fields, recordBytes } = header;
    const layout = { fields, recordBytes };
    if (this.#layout !== undefined && JSON.stringify(layout) !== JSON.stringify(this.#layout))
      throw new StagingProblem(
        'InputInvalid',
        `${name} has records of another type or shape than the files before it; write all of them alike`,
      );
    this.#layout = layout;
    return header;
  }

  finish(): StagedRecords {
    return { layout: this.#layout!, records: this.#records };
  }
}

/** What {@link measureLines} learned, which {@link writeLines} needs. */
export interface LinesForm extends StagedRecords {
  /** Of the longest id of a request; 0 when none has one. */
  readonly idBytes: number;
}

/**
 * Reads every line once: what the records look like, and how long their strings are.
 * @throws StagingProblem InputInvalid, which names the line
 */
export async function measureLines(
  lines: AsyncIterable<SourceLine>,
  inputs: readonly RequestTensor[],
): Promise<LinesForm> {
  let shapes: string | undefined;
  let first: readonly Tensor[] = [];
  const lengths = inputs.map(() => 1);
  let idBytes = 0;
  let records = 0;
  for await (const line of lines) {
    const { id, tensors } = parsed(line, inputs);
    const own = JSON.stringify(tensors.map(({ shape }) => shape));
    if (shapes === undefined) first = tensors;
    shapes ??= own;
    if (own !== shapes)
      throw new StagingProblem(
        'InputInvalid',
        `${where(line)} has inputs of the shapes ${own}, the first line has ${shapes}; records of one job have one shape: pad them, or create a job for each shape`,
      );
    for (const [index, tensor] of tensors.entries())
      if (tensor.dtype === 'BYTES')
        lengths[index] = Math.max(lengths[index]!, stringLengthOf(decodeBytesElements(tensor)));
    idBytes = Math.max(idBytes, Buffer.byteLength(id ?? ''));
    records += 1;
  }
  const fields = first.map((tensor, index) => ({
    name: inputs.length === 1 ? '' : inputs[index]!.name,
    dataType: tensor.dtype,
    shape: tensor.shape.slice(1),
    ...(tensor.dtype === 'BYTES' ? { stringType: textType(lengths[index]!) } : {}),
  }));
  return { layout: layoutOf(fields), records, idBytes };
}

/** How the ids of requests lie in a file of their own, which no node gets to see. */
export function idLayout(idBytes: number): RecordLayout {
  return layoutOf([{ name: '', dataType: 'BYTES', shape: [], stringType: `|S${idBytes}` }]);
}

/** Writes a record, and an id where there are any, for each line. @throws StagingProblem */
export async function writeLines(
  lines: AsyncIterable<SourceLine>,
  inputs: readonly RequestTensor[],
  { layout, idBytes }: LinesForm,
  records: BoundedFile,
  ids: BoundedFile,
): Promise<void> {
  for await (const line of lines) {
    const { id = '', tensors } = parsed(line, inputs);
    await records.append(writeRecords(layout, tensors), line.name);
    if (idBytes === 0) continue;
    const element = createTensor('BYTES', [1], encodeBytesElements([Buffer.from(id)]));
    await ids.append(writeRecords(idLayout(idBytes), [element]), line.name);
  }
}

function parsed(line: SourceLine, inputs: readonly RequestTensor[]): RequestLine {
  try {
    return parseRequestLine(line.text, inputs);
  } catch (error) {
    if (!(error instanceof RequestProblem || error instanceof TensorError)) throw error;
    throw new StagingProblem('InputInvalid', `${where(line)} ${error.message}`, { cause: error });
  }
}

function where({ name, line }: SourceLine): string {
  return `${name}, line ${line}`;
}
