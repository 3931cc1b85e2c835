import assert from 'node:assert/strict';
import { test } from 'node:test';
import { installed } from './installed.ts';

const absent = Object.assign(new Error("Cannot find package 'x'"), { code: 'ERR_MODULE_NOT_FOUND' });

for (const [name, home] of [
  ['agent', /isochrone agent is not part of this installation; the image isochrone\/node-agent has it .*'x'/],
  ['operator', /the image isochrone\/control-plane has it/],
  ['demo', /run `make demo` in a checkout/],
] as const) {
  test(`a command that was left out says where it is: ${name}`, async () => {
    await assert.rejects(
      installed(name, () => Promise.reject(absent)),
      (error: Error & { code: string }) => error.code === 'NOT_INSTALLED' && home.test(error.message),
    );
  });
}

test('what else goes wrong while loading is not hidden', async () => {
  const broken = new SyntaxError('unexpected token');
  await assert.rejects(
    installed('agent', () => Promise.reject(broken)),
    (error) => error === broken,
  );
});
