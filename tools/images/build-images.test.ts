import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { assertWithinBudget, imagesLacking } from './build-images.ts';
import { images } from './catalog.ts';

for (const { name, budgetMegabytes } of images) {
  test(`${name} is refused above its budget, with what it has and where the budget is`, () => {
    assert.doesNotThrow(() => assertWithinBudget(name, budgetMegabytes * 1e6));
    assert.throws(() => assertWithinBudget(name, (budgetMegabytes + 1) * 1e6), {
      code: 'ImageTooLarge',
      message: new RegExp(
        `${name} has ${budgetMegabytes + 1} MB, budgetMegabytes in tools/images/catalog.ts allows ${budgetMegabytes};`,
      ),
    });
  });
}

test('where nothing builds images and the user is not root, the reason says so', async (t) => {
  const path = process.env['PATH'];
  t.after(() => (process.env['PATH'] = path));
  process.env['PATH'] = '/nowhere';
  t.mock.method(process as Required<typeof process>, 'getuid', () => 1000);
  assert.equal(await imagesLacking(), 'neither docker nor podman runs here, and buildah is used as root only');
});

test("the CUDA provider is of onnxruntime's own version, or it could not be loaded", async () => {
  const root = join(import.meta.dirname, '..', '..');
  const requirements = await readFile(join(root, 'images', 'node-agent-cuda', 'requirements.txt'), 'utf8');
  const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { version: string }>;
  };
  const { version } = lock.packages['node_modules/onnxruntime-node']!;
  assert.match(requirements, new RegExp(`^onnxruntime-gpu==${version.replaceAll('.', '\\.')}$`, 'm'));
});
