import { join } from 'node:path';
import { dataTypeInfo, elementCount } from '@isochrone/tensor';
import type { AgentMetrics } from '../metrics.ts';
import type { ModelHandle } from '../models/model-store.ts';
import type { RuntimeLease } from '../runtime/runtime-pool.ts';
import type { ComputedOutputs } from './journal.ts';
import { OutputFile, OutputRows, type RecordFormat, type WrittenOutput } from './output-file.ts';
import type { ShardRange } from './plan.ts';
import { assertSameFormat, runRows } from './run-rows.ts';
import type { TaskInput } from './task-input.ts';

/** Where output rows come from: the model, or the files of an earlier, interrupted run. Asked in order. */
export interface OutputSource extends AsyncDisposable {
  readonly inputName: string;
  readonly outputName: string;
  readonly batchSize: number;
  next(shard: ShardRange, inputRows: Uint8Array, count: number): Promise<{ rows: Uint8Array; format: RecordFormat }>;
  /** Resolves when every output is on the disk. */
  finish(): Promise<ComputedOutputs>;
}

export function outputPath(directory: string, shardIndex: number): string {
  return join(directory, `${shardIndex}.npy`);
}

export interface ComputeObserver {
  readonly metrics: AgentMetrics;
  readonly onMeasured: (nanosecondsPerRecord: number) => void;
}

/** Runs the model and writes each shard's file. */
export class ComputedSource implements OutputSource {
  readonly inputName: string;
  readonly outputName: string;
  readonly batchSize: number;
  readonly #lease: RuntimeLease;
  readonly #model: ModelHandle;
  readonly #input: TaskInput;
  readonly #directory: string;
  readonly #observer: ComputeObserver;
  #nanoseconds = 0;
  #records = 0;
  readonly #outputs: WrittenOutput[] = [];
  #format: RecordFormat | undefined;
  #open: { shard: ShardRange; file: OutputFile } | undefined;

  constructor(
    lease: RuntimeLease,
    model: ModelHandle,
    input: TaskInput,
    directory: string,
    batchSize: number,
    observer: ComputeObserver,
  ) {
    this.#model = model;
    this.inputName = lease.format.input.name;
    this.outputName = lease.format.output.name;
    this.batchSize = batchSize;
    this.#lease = lease;
    this.#input = input;
    this.#directory = directory;
    this.#observer = observer;
  }

  async next(
    shard: ShardRange,
    inputRows: Uint8Array,
    count: number,
  ): Promise<{ rows: Uint8Array; format: RecordFormat }> {
    const { dataType, recordShape } = this.#input;
    const { rows, format, nanoseconds } = await runRows(this.#lease, {
      dataType,
      shape: recordShape,
      count,
      rows: inputRows,
    });
    const { metrics } = this.#observer;
    metrics.batches.inc();
    metrics.records.inc(count);
    metrics.batchSeconds.observe(nanoseconds / 1e9);
    this.#nanoseconds += nanoseconds;
    this.#records += count;
    this.#format ??= format;
    assertSameFormat(this.#format, format);
    if (this.#open?.shard !== shard) {
      await this.#closeShard();
      this.#open = { shard, file: await OutputFile.create(outputPath(this.#directory, shard.index), shard, format) };
    }
    await this.#open.file.append(rows);
    return { rows, format };
  }

  async finish(): Promise<ComputedOutputs> {
    await this.#closeShard();
    this.#observer.onMeasured(this.#nanoseconds / this.#records);
    return { inputName: this.inputName, outputName: this.outputName, format: this.#format!, outputs: this.#outputs };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#open?.file[Symbol.asyncDispose]();
    await this.#lease[Symbol.asyncDispose]();
    this.#model.release();
  }

  async #closeShard(): Promise<void> {
    if (this.#open === undefined) return;
    const { file } = this.#open;
    this.#outputs.push(await file.finish());
    this.#open = undefined;
    await file[Symbol.asyncDispose]();
  }
}

/** Reads the rows that were computed before. */
export class ReplayedSource implements OutputSource {
  readonly inputName: string;
  readonly outputName: string;
  /** Nothing is run: what is read at once only has to be small. */
  readonly batchSize = 1;
  readonly #computed: ComputedOutputs;
  readonly #directory: string;
  readonly #recordBytes: number;
  #open: { shard: ShardRange; rows: OutputRows } | undefined;

  constructor(computed: ComputedOutputs, directory: string) {
    this.inputName = computed.inputName;
    this.outputName = computed.outputName;
    this.#computed = computed;
    this.#directory = directory;
    this.#recordBytes = elementCount(computed.format.shape) * dataTypeInfo(computed.format.dataType).bytesPerElement!;
  }

  async next(
    shard: ShardRange,
    _inputRows: Uint8Array,
    count: number,
  ): Promise<{ rows: Uint8Array; format: RecordFormat }> {
    const { format } = this.#computed;
    if (this.#open?.shard !== shard) {
      await this[Symbol.asyncDispose]();
      this.#open = {
        shard,
        rows: await OutputRows.open(outputPath(this.#directory, shard.index), shard, format, this.#recordBytes),
      };
    }
    return { rows: await this.#open.rows.next(count), format };
  }

  async finish(): Promise<ComputedOutputs> {
    return this.#computed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#open?.rows[Symbol.asyncDispose]();
    this.#open = undefined;
  }
}
