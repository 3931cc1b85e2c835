import { join } from 'node:path';
import { outputLayout, type Tensor } from '@isochrone/tensor';
import type { AgentMetrics } from '../metrics.ts';
import type { ModelHandle } from '../models/model-store.ts';
import type { RuntimeLease } from '../runtime/runtime-pool.ts';
import type { ComputedOutputs } from './journal.ts';
import { OutputFile, OutputRows, type RecordFormat, type WrittenOutput } from './output-file.ts';
import type { ShardRange } from './plan.ts';
import { assertSameFormat, formatsOf, runRows } from './run-rows.ts';
import type { TaskInput } from './task-input.ts';

export interface OutputBatch {
  /** In the order of the model's outputs; the first axis is the records. */
  readonly outputs: readonly Tensor[];
  readonly formats: readonly RecordFormat[];
}

/** Where output rows come from: the model, or the files of an earlier, interrupted run. Asked in order. */
export interface OutputSource extends AsyncDisposable {
  /** Of the model's first input; undefined where the journal does not tell, and the task does. */
  readonly inputName: string | undefined;
  readonly batchSize: number;
  /** Characters of the strings of each BYTES output in the shard's file; undefined while they are not known. */
  stringLengths(shardIndex: number): readonly number[] | undefined;
  next(shard: ShardRange, inputRows: Uint8Array, count: number): Promise<OutputBatch>;
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
  readonly batchSize: number;
  readonly #lease: RuntimeLease;
  readonly #model: ModelHandle;
  readonly #input: TaskInput;
  readonly #directory: string;
  readonly #observer: ComputeObserver;
  readonly #hasStrings: boolean;
  #nanoseconds = 0;
  #records = 0;
  readonly #outputs: WrittenOutput[] = [];
  #formats: readonly RecordFormat[] | undefined;
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
    this.inputName = lease.format.inputs[0]!.name;
    this.batchSize = batchSize;
    this.#lease = lease;
    this.#input = input;
    this.#directory = directory;
    this.#observer = observer;
    this.#hasStrings = lease.format.outputs.some(({ dataType }) => dataType === 'BYTES');
  }

  stringLengths(): readonly number[] | undefined {
    return this.#hasStrings ? undefined : [];
  }

  async next(shard: ShardRange, inputRows: Uint8Array, count: number): Promise<OutputBatch> {
    const { outputs, nanoseconds } = await runRows(this.#lease, this.#input.layout, count, inputRows);
    const { metrics } = this.#observer;
    metrics.batches.inc();
    metrics.records.inc(count);
    metrics.batchSeconds.observe(nanoseconds / 1e9);
    this.#nanoseconds += nanoseconds;
    this.#records += count;
    const formats = formatsOf(
      this.#lease.format.outputs.map(({ name }) => name),
      outputs,
    );
    this.#formats ??= formats;
    assertSameFormat(this.#formats, formats);
    if (this.#open?.shard !== shard) {
      await this.#closeShard();
      this.#open = { shard, file: await OutputFile.create(outputPath(this.#directory, shard.index), shard, formats) };
    }
    await this.#open.file.append(outputs);
    return { outputs, formats };
  }

  async finish(): Promise<ComputedOutputs> {
    await this.#closeShard();
    this.#observer.onMeasured(this.#nanoseconds / this.#records);
    return { inputName: this.inputName, formats: this.#formats!, outputs: this.#outputs };
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
  readonly inputName: string | undefined;
  /** Nothing is run: what is read at once only has to be small. */
  readonly batchSize = 1;
  readonly #computed: ComputedOutputs;
  readonly #directory: string;
  #open: { shard: ShardRange; rows: OutputRows } | undefined;

  constructor(computed: ComputedOutputs, directory: string) {
    this.inputName = computed.inputName;
    this.#computed = computed;
    this.#directory = directory;
  }

  stringLengths(index: number): readonly number[] | undefined {
    return this.#computed.outputs.find(({ shardIndex }) => shardIndex === index)?.stringLengths;
  }

  async next(shard: ShardRange, _inputRows: Uint8Array, count: number): Promise<OutputBatch> {
    const { formats } = this.#computed;
    if (this.#open?.shard !== shard) {
      await this[Symbol.asyncDispose]();
      const layout = outputLayout(formats, this.stringLengths(shard.index)!);
      this.#open = { shard, rows: await OutputRows.open(outputPath(this.#directory, shard.index), shard, layout) };
    }
    return { outputs: await this.#open.rows.next(count), formats };
  }

  async finish(): Promise<ComputedOutputs> {
    return this.#computed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#open?.rows[Symbol.asyncDispose]();
    this.#open = undefined;
  }
}
