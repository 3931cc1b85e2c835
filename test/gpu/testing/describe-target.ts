import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { eventually } from '@isochrone/tools/local';
import { row, type Tensor } from '@isochrone/tensor';
import { compareTensors, modelTolerance, type Tolerance } from '@isochrone/verification';
import { AgentError } from '../../../node-agent/errors.ts';
import { runtimeEnvironment, type NumericProfile } from '../../../node-agent/runtime/session-options.ts';
import {
  convolutionModel,
  denseModel,
  inputOf,
  nestedProcessorOnlyModel,
  processorOnlyModel,
  recognitionModel,
  type GpuModel,
} from './models.ts';
import { LoadedRuntime, ModelFolder, bareLoop, optionsOf } from './runtimes.ts';
import type { Target } from './target.ts';

const MIB = 2 ** 20;
const batches = [1, 8] as const;
const repetitions = 4;
/** Of the dense model. */
const weightBytes = 32 * MIB;
/** What allocators round up, and others on the device do meanwhile. */
const slackBytes = 64 * MIB;

const modes: readonly { name: string; numericProfile: NumericProfile; tf32: boolean }[] = [
  { name: 'FP32Strict', numericProfile: 'FP32Strict', tf32: false },
  { name: 'FP32', numericProfile: 'FP32', tf32: false },
  { name: 'FP32, TF32 on', numericProfile: 'FP32', tf32: true },
];

/** What must hold on every device that the agent runs models on. Figures are printed as a Markdown table. */
export function describeTarget(target: Target): void {
  const models = new ModelFolder();
  after(() => models[Symbol.asyncDispose]());
  const [dense, convolution] = [denseModel(), convolutionModel()];
  const load = async (model: GpuModel, numericProfile: NumericProfile = 'FP32Strict'): Promise<LoadedRuntime> =>
    LoadedRuntime.of(await models.file(model), target, optionsOf(target.provider, numericProfile));

  test(`every node of a model runs by ${target.profiledAs}`, async (t) => {
    for (const model of [dense, convolution]) {
      const options = optionsOf(target.provider, 'FP32Strict');
      const request = { path: await models.file(model), options, shape: [1, ...model.record], runs: 1, profile: true };
      const { nodes } = await bareLoop(target, request);
      assert.deepEqual(Object.keys(nodes), [target.profiledAs]);
      t.diagnostic(`${model.name}: ${JSON.stringify(nodes)} executed nodes`);
    }
  });

  test(
    'a model with an operator that the device lacks is refused, not run on the processor',
    {
      skip: target.provider === 'CPU' && 'the processor has them all',
    },
    async () => {
      for (const model of [processorOnlyModel(), nestedProcessorOnlyModel()])
        await assert.rejects(load(model), lacksDeterminant, model.name);
    },
  );

  describe('outputs', () => {
    const header = ['model', 'mode', 'batch', 'from the processor', 'run to run', 'from a batch of one'];
    const rows: string[][] = [];
    after(() => {
      for (const cells of [header, header.map(() => '---'), ...rows]) console.log(`| ${cells.join(' | ')} |`);
    });

    for (const model of [dense, convolution, recognitionModel()]) {
      let references: Promise<Tensor[]> | undefined;
      for (const mode of modes.filter(({ tf32 }) => target.hasTF32 || !tf32)) {
        test(`${model.name}, ${mode.name}: agree with the processor, with themselves, and in batches`, async () => {
          const path = await models.file(model);
          const environment = { ...target.environment, ...(mode.tf32 && { NVIDIA_TF32_OVERRIDE: undefined }) };
          const device = { provider: target.provider, environment };
          const options = optionsOf(target.provider, mode.numericProfile);
          await using loaded = await LoadedRuntime.of(path, device, options);
          references ??= runOnProcessor(path, model);
          // The agent switches TF32 off. What it would do to outputs is told, and may be beyond every tolerance.
          const promised = !mode.tf32;
          const across = modelTolerance(mode, 'FP32', target.relation);
          const within = modelTolerance(mode, 'FP32', 'SameClass');
          let alone: Tensor | undefined;
          for (const [index, batch] of batches.entries()) {
            const input = inputOf(model, batch);
            const reference = (await references)[index]!;
            const outputs: Tensor[] = [];
            for (let run = 0; run < repetitions; run += 1) outputs.push(await loaded.run(input));
            const [first, ...again] = outputs as [Tensor, ...Tensor[]];
            alone ??= row(first, 0);
            rows.push([
              ...[model.name, mode.name, String(batch), distance(reference, [first], across, promised)],
              ...[distance(first, again, within, promised), distance(alone, [row(first, 0)], within, promised)],
            ]);
          }
        });
      }
    }
  });

  const silent = target.memoryInUse === undefined && 'nothing tells how much memory of this device is in use';
  describe('memory', { skip: silent }, () => {
    const inUse = target.memoryInUse!;

    test('a kill in the middle of a run gives it back', async (t) => {
      const before = await inUse([]);
      await using loaded = await load(dense);
      await loaded.run(inputOf(dense, 8));
      const held = (await inUse([loaded.processId])) - before;
      assert.ok(held >= weightBytes, `${held} bytes are fewer than the weights`);
      const running = loaded.run(inputOf(dense, 256)).catch((error: unknown) => error);
      process.kill(loaded.processId, 'SIGKILL');
      await running;
      await loaded.runtime.stop();
      await eventually(async () => (await inUse([loaded.processId])) - before < weightBytes, {
        describe: 'the memory of the killed process is free',
      });
      t.diagnostic(`${Math.round(held / MIB)} MiB held by one process, given back`);
    });

    test('two models share the device, each within what it takes alone, and outlive one another', async (t) => {
      const before = await inUse([]);
      const pair = [dense, convolution] as const;
      const alone: { output: Tensor; bytes: number }[] = [];
      for (const model of pair) {
        await using loaded = await load(model);
        const output = await loaded.run(inputOf(model, 8));
        alone.push({ output, bytes: (await inUse([loaded.processId])) - before });
        await loaded.runtime.stop();
        await eventually(async () => (await inUse([])) - before < weightBytes, { describe: 'the device is free' });
      }
      await using first = await load(pair[0]);
      await using second = await load(pair[1]);
      const both = [first, second];
      const tolerance = modelTolerance({ numericProfile: 'FP32Strict' }, 'FP32', 'SameClass');
      const runOf = async (index: number): Promise<void> => {
        const output = await both[index]!.run(inputOf(pair[index]!, 8));
        distance(alone[index]!.output, [output], tolerance, true);
      };
      for (let round = 0; round < 3; round += 1) await Promise.all([runOf(0), runOf(1)]);
      const together = (await inUse(both.map(({ processId }) => processId))) - before;
      const sum = alone[0]!.bytes + alone[1]!.bytes;
      assert.ok(together <= sum + slackBytes, `${together} bytes together, ${sum} alone`);
      process.kill(first.processId, 'SIGKILL');
      await first.runtime.stop();
      await runOf(1);
      await eventually(async () => (await inUse([second.processId])) - before <= alone[1]!.bytes + slackBytes / 2, {
        describe: 'only the memory of the other model is in use',
      });
      const mib = [alone[0]!.bytes, alone[1]!.bytes, together].map((bytes) => Math.round(bytes / MIB));
      t.diagnostic(`${mib[0]} MiB and ${mib[1]} MiB alone, ${mib[2]} MiB together`);
    });
  });

  test('a runtime process does at least its share of what onnxruntime-node does alone', async (t) => {
    const model = dense;
    const input = inputOf(model, 16);
    const options = optionsOf(target.provider, 'FP32Strict');
    const request = { path: await models.file(model), options, shape: input.shape, runs: 10, profile: false };
    const shares: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      const bare = await bareLoop(target, request);
      await using loaded = await load(model);
      for (let run = 0; run < 3; run += 1) await loaded.run(input);
      const started = performance.now();
      for (let run = 0; run < request.runs; run += 1) await loaded.run(input);
      const nanosecondsPerRun = ((performance.now() - started) * 1e6) / request.runs;
      shares.push(bare.nanosecondsPerRun / nanosecondsPerRun);
      const [own, theirs] = [nanosecondsPerRun, bare.nanosecondsPerRun].map((span) => (span / 1e6).toFixed(2));
      t.diagnostic(`batch of 16: ${own} ms by a runtime process, ${theirs} ms by onnxruntime-node alone`);
    }
    const best = Math.max(...shares);
    assert.ok(
      best >= target.leastThroughputShare,
      `shares of a bare loop: ${shares.map((share) => share.toFixed(2)).join(', ')}`,
    );
    t.diagnostic(`throughput as a share of a bare loop: ${shares.map((share) => share.toFixed(2)).join(', ')}`);
  });
}

/** An output for each size of batch. */
async function runOnProcessor(path: string, model: GpuModel): Promise<Tensor[]> {
  const environment = runtimeEnvironment(process.env, undefined);
  await using loaded = await LoadedRuntime.of(path, { environment, provider: 'CPU' }, optionsOf('CPU', 'FP32Strict'));
  const outputs: Tensor[] = [];
  for (const batch of batches) outputs.push(await loaded.run(inputOf(model, batch)));
  return outputs;
}

/** The largest relative distance of the candidates, all of which must be within the tolerance where that is promised. */
function distance(reference: Tensor, candidates: readonly Tensor[], tolerance: Tolerance, promised: boolean): string {
  const compared = candidates.map((candidate) => compareTensors(reference, candidate, tolerance));
  const beyond = compared.filter(({ outcome }) => outcome !== 'pass');
  if (promised) assert.deepEqual(beyond, [], JSON.stringify(tolerance));
  if (compared.every(({ reason }) => reason === 'Equal')) return 'same bits';
  const largest = Math.max(...compared.map(({ relativeL2 }) => relativeL2)).toExponential(1);
  return beyond.length === 0 ? largest : `${largest}, beyond the tolerance`;
}

function lacksDeterminant(error: unknown): boolean {
  return (
    error instanceof AgentError && error.code === 'RUNTIME_REFUSED' && /no kernel for (Det|all)/.test(error.message)
  );
}
