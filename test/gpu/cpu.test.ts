import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { runtimeEnvironment } from '../../node-agent/runtime/session-options.ts';
import { describeTarget } from './testing/describe-target.ts';
import { residentBytes, skipBecause } from './testing/target.ts';

describe('the CPU provider, by the checks for GPUs', () => {
  describeTarget({
    provider: 'CPU',
    profiledAs: 'CPUExecutionProvider',
    environment: runtimeEnvironment(process.env, undefined),
    hasTF32: false,
    relation: 'SameClass',
    leastThroughputShare: 0.4,
    ...(process.platform === 'linux' && { memoryInUse: residentBytes }),
  });
});

test('a GPU that is missing skips the checks for it, and fails them where it is required', () => {
  assert.equal(skipBecause(undefined, { ISOCHRONE_REQUIRE_GPU: '1' }), false);
  assert.equal(skipBecause('an NVIDIA GPU', {}), 'an NVIDIA GPU');
  assert.throws(() => skipBecause('an NVIDIA GPU', { ISOCHRONE_REQUIRE_GPU: '1' }), /lacks an NVIDIA GPU/);
});
