import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseQuantity, systemClock } from '@isochrone/kube';
import { quietLogger } from '../testing/quiet-logger.ts';
import { identityModel } from '../testing/models.ts';
import { cpuUUID, describeCpu } from './cpu-device.ts';
import { runtimeClassOf, takeInventory, type Device } from './inventory.ts';
import { probeModel } from './probe-model.ts';

test('the probe is the model it says', () => {
  assert.deepEqual(Buffer.from(probeModel), Buffer.from(identityModel('FP32', ['n'])));
});

test('this machine offers at least one device, on which a session was really loaded', async () => {
  const stateDirectory = await mkdtemp(join(tmpdir(), 'inventory-'));
  try {
    const inventory = await takeInventory({
      nodeName: 'n',
      stateDirectory,
      deviceMemoryBytes: 512 * 2 ** 20,
      slots: 3,
      environment: process.env,
      clock: systemClock,
      logger: quietLogger,
    });
    assert.match(inventory.onnxruntimeVersion, /^1\.\d+\.\d+$/);
    for (const device of inventory.devices) {
      assert.ok(device.executionProviders.length > 0);
      assert.equal(device.slots, 3);
      assert.ok(parseQuantity(device.memory)! <= 512 * 2 ** 20);
      assert.ok(device.type === 'gpu' || device.executionProviders.join() === 'CPU');
    }
  } finally {
    await rm(stateDirectory, { recursive: true });
  }
});

test("the identity of the processor is the machine's and the node's", async () => {
  assert.equal(cpuUUID('m', 'a'), cpuUUID('m', 'a'));
  assert.notEqual(cpuUUID('m', 'a'), cpuUUID('m', 'b'));
  assert.notEqual(cpuUUID('m', 'a'), cpuUUID('o', 'a'));
  const stateDirectory = await mkdtemp(join(tmpdir(), 'cpu-'));
  try {
    const [first, second] = [await describeCpu('n', stateDirectory), await describeCpu('n', stateDirectory)];
    assert.deepEqual(first, second);
    assert.ok(first.memoryBytes > 0 && first.productName.length > 0);
  } finally {
    await rm(stateDirectory, { recursive: true });
  }
});

test('numeric classes', () => {
  const inventory = { architecture: 'amd64' as const, onnxruntimeVersion: '1.30.0', devices: [] };
  const device = { uuid: 'GPU-1', cudaComputeCapability: '8.9' } as Device;
  assert.equal(runtimeClassOf(inventory, device, 'CPU'), 'cpu/amd64/ort-1.30.0');
  assert.equal(runtimeClassOf(inventory, device, 'CUDA'), 'cuda/sm-8.9/ort-1.30.0');
});
