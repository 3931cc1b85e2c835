import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { quietLogger } from '../testing/quiet-logger.ts';
import { parseCudaVersion, parseGpus, queryGpus } from './nvidia-smi.ts';

const l4 = 'GPU-9f7b4a1e-0000-1111-2222-333344445555, NVIDIA L4, 23034, 8.9, 550.54.15, 00000000:65:00.0';

describe('nvidia-smi', () => {
  test('a GPU becomes the attributes of the DRA driver', () => {
    assert.deepEqual(parseGpus(`${l4}\n`, '12.4'), [
      {
        uuid: 'GPU-9f7b4a1e-0000-1111-2222-333344445555',
        productName: 'NVIDIA L4',
        memoryMebibytes: 23034,
        cudaComputeCapability: '8.9',
        architecture: 'Ada Lovelace',
        driverVersion: '550.54.15',
        cudaDriverVersion: '12.4',
        pcieBusID: '0000:65:00.0',
      },
    ]);
  });

  for (const [name, csv, expected] of [
    ['no GPU', '', []],
    ['two GPUs and a blank line', `${l4}\n\n${l4.replace('9f7b', 'aaaa')}\n`, ['NVIDIA L4', 'NVIDIA L4']],
    ['words of an error', 'No devices were found\n', []],
    ['a GPU that has fallen off the bus', 'GPU-1, NVIDIA L4, [Unknown Error], [N/A], [N/A], [N/A]\n', []],
    ['a GPU that tells little', 'GPU-1, Tesla K80, 11441, [N/A], [N/A], [N/A]\n', ['Tesla K80']],
    ["a MIG instance in a GPU's place", 'MIG-1, NVIDIA H100, 40000, 9.0, 550, 0:0:0\n', []],
  ] as const) {
    test(name, () =>
      assert.deepEqual(
        parseGpus(csv, undefined).map(({ productName }) => productName),
        expected,
      ),
    );
  }

  for (const [capability, architecture] of [
    ['7.0', 'Volta'],
    ['7.5', 'Turing'],
    ['8.6', 'Ampere'],
    ['8.9', 'Ada Lovelace'],
    ['9.0', 'Hopper'],
    ['10.0', 'Blackwell'],
    ['12.0', 'Blackwell'],
    ['3.7', undefined],
  ] as const) {
    test(`compute capability ${capability} is ${architecture ?? 'unknown'}`, () => {
      assert.equal(parseGpus(l4.replace('8.9', capability), undefined)[0]?.architecture, architecture);
    });
  }

  test('the highest CUDA version of the driver', () => {
    assert.equal(parseCudaVersion('NVIDIA-SMI version  : 550.54\nCUDA Version        : 12.4\n'), '12.4');
    assert.equal(parseCudaVersion('CUDA Version        : N/A\n'), undefined);
  });

  for (const [name, program] of [
    ['is not there', '/nonexistent/nvidia-smi'],
    ['cannot be executed', import.meta.filename],
    ['finds no driver', '/bin/false'],
  ] as const) {
    test(`that ${name} means no GPU, and no end of the agent`, async () => {
      assert.deepEqual(await queryGpus(quietLogger, program), []);
    });
  }
});
