import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { runtimeEnvironment, sessionOptions } from './session-options.ts';

describe('session options', () => {
  test('FP32Strict on the CPU: little optimisation, deterministic kernels, no provider but the CPU', () => {
    assert.deepEqual(sessionOptions({ executionProvider: 'CPU', numericProfile: 'FP32Strict', cpuThreads: 1 }), {
      executionProviders: ['cpu'],
      graphOptimizationLevel: 'basic',
      executionMode: 'sequential',
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      extra: { session: { intra_op: { allow_spinning: '0' }, use_deterministic_compute: '1' } },
    });
  });

  test('FP32 on CUDA: all optimisations, on the one device that the process sees', () => {
    const options = sessionOptions({ executionProvider: 'CUDA', numericProfile: 'FP32', cpuThreads: 4 });
    assert.deepEqual(options.executionProviders, [{ name: 'cuda', deviceId: 0 }]);
    assert.equal(options.graphOptimizationLevel, 'all');
    assert.deepEqual(options.extra.session, { intra_op: { allow_spinning: '0' } });
  });
});

describe('environment of a runtime process', () => {
  const agent = {
    PATH: '/bin',
    LD_LIBRARY_PATH: '/cuda',
    AWS_SECRET_ACCESS_KEY: 'x',
    ISOCHRONE_TOKEN: 'y',
    CUDA_VISIBLE_DEVICES: 'all',
  };

  test('has no secret of the agent, sees one GPU, and tells nobody of the model', () => {
    assert.deepEqual(runtimeEnvironment(agent, 'GPU-1'), {
      PATH: '/bin',
      LD_LIBRARY_PATH: '/cuda',
      CUDA_VISIBLE_DEVICES: 'GPU-1',
      NVIDIA_TF32_OVERRIDE: '0',
      CUDA_DEVICE_ORDER: 'PCI_BUS_ID',
      ORT_DISABLE_TELEMETRY: '1',
    });
  });

  test('sees no GPU when it is for the CPU', () => {
    assert.equal(runtimeEnvironment(agent, undefined).CUDA_VISIBLE_DEVICES, '');
  });
});
