import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { contextKey, publicAddress } from './context.ts';

test('the key changes with what images are built from, and with nothing else', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'context-'));
  t.after(() => rm(root, { recursive: true }));
  const write = async (path: string, text: string): Promise<void> => {
    await mkdir(join(root, path, '..'), { recursive: true });
    await writeFile(join(root, path), text);
  };
  await write('.dockerignore', '*\n!cli\n');
  await write('images/one/Containerfile', 'FROM x');
  await write('cli/isochrone.ts', '1');
  const first = await contextKey(root, {});
  await write('docs/page.md', 'not in images');
  await write('cli/node_modules/x/index.js', 'brought by npm');
  assert.equal(await contextKey(root, {}), first);
  assert.notEqual(await contextKey(root, { VERSION: '2' }), first);
  const keys = new Set([first]);
  for (const path of ['cli/isochrone.ts', 'cli/other.ts', 'images/one/Containerfile', '.dockerignore']) {
    await write(path, '*\n!cli\n# changed');
    keys.add(await contextKey(root, {}));
  }
  assert.equal(keys.size, 5);
});

for (const [remote, address] of [
  ['https://user:secret@git.example/isochrone/isochrone.git', 'https://git.example/isochrone/isochrone'],
  ['git@git.example:isochrone.git', 'unknown'],
  ['/srv/isochrone', 'unknown'],
  ['', 'unknown'],
] as const) {
  test(`names as source ${address} for ${JSON.stringify(remote)}`, () => assert.equal(publicAddress(remote), address));
}
