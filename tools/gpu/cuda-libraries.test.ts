import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { ToolError } from '../errors.ts';
import { cudaLacking, driverLacking, findCudaLibraries } from './cuda-libraries.ts';

const folder = await mkdtemp(join(tmpdir(), 'cuda-'));
after(() => rm(folder, { recursive: true }));

const head = (version: string): string =>
  `| NVIDIA-SMI 580.159.04   Driver Version: 580.159.04   CUDA Version: ${version}     |`;

describe('what a machine lacks for CUDA', () => {
  for (const [name, table, expected] of [
    ['a driver of the libraries', head('13.0'), undefined],
    ['a later driver', head('14.1'), undefined],
    ['an older driver', head('12.4'), /^a driver for CUDA 13: this one goes up to CUDA 12\.4; install driver 580/],
    ['no driver', 'NVIDIA-SMI has failed', /no "CUDA Version"/],
  ] as const) {
    test(name, () => {
      const lacking = driverLacking(table);
      if (expected === undefined) assert.equal(lacking, undefined);
      else assert.match(lacking ?? '', expected);
    });
  }

  const elsewhere = process.platform === 'linux' && process.arch === 'x64' ? false : 'it is not asked here';
  test('nvidia-smi itself is named when it is not there, or fails', { skip: elsewhere }, async () => {
    assert.match((await cudaLacking('/nonexistent/nvidia-smi')) ?? '', /NVIDIA GPU: .*\/nonexistent\/nvidia-smi/);
    assert.match((await cudaLacking('/bin/false')) ?? '', /NVIDIA GPU: .*\/bin\/false/);
    const answering = join(folder, 'nvidia-smi');
    await writeFile(answering, `#!/bin/sh\necho '${head('13.1')}'\n`);
    await chmod(answering, 0o755);
    assert.equal(await cudaLacking(answering), undefined);
  });
});

describe('the CUDA libraries', () => {
  const provider = 'libonnxruntime_providers_cuda.so';

  test('are none where they were not brought', async () => {
    assert.equal(await findCudaLibraries({ ISOCHRONE_CACHE: folder }, folder), undefined);
  });

  test('are an error when they are named and not there', async () => {
    await assert.rejects(
      findCudaLibraries({ ISOCHRONE_CUDA_LIBRARIES: folder }, folder),
      (error: unknown) => error instanceof ToolError && error.message.includes(provider),
    );
  });

  test('are given to the loader, and the provider is laid where onnxruntime looks for it, again and again', async () => {
    const [one, other, beside] = ['one', 'other', 'beside'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    for (const path of [one, other, beside]) await mkdir(path);
    await writeFile(join(one, provider), 'cuda');
    await writeFile(join(other, 'libonnxruntime_providers_shared.so'), 'shared');
    const named = `${one}:${other}`;
    const find = () => findCudaLibraries({ ISOCHRONE_CUDA_LIBRARIES: named }, beside);
    assert.deepEqual([await find(), await find()], [named, named]);
    assert.equal(await readFile(join(beside, provider), 'utf8'), 'cuda');
  });
});
