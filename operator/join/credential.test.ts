import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSealable, openCredential, sealCredential, type Credential } from './credential.ts';
import { generateJoinKey, seal, SealError } from './seal.ts';

const context = { requestUID: 'uid-1', cluster: 'frankfurt' };
const { publicKey, privateKey } = generateJoinKey();

const credentials: [what: string, credential: Credential][] = [
  ['a token', { token: 'abc' }],
  ['a token, and where the hub is', { token: 'abc', server: 'https://hub.example', ca: '-----BEGIN CERTIFICATE-----' }],
];
for (const [what, credential] of credentials) {
  test(`opened is what was sealed: ${what}`, () => {
    const sealed = sealCredential(credential, publicKey, context);
    assert.deepEqual(openCredential(sealed, privateKey, context), credential);
  });
}

const broken: [what: string, text: string][] = [
  ['no JSON', 'a secret'],
  ['nothing', 'null'],
  ['no token', '{"server":"https://hub.example"}'],
  ['an address that is no text', '{"token":"abc","server":1}'],
  ['an authority that is no text', '{"token":"abc","ca":null}'],
];
for (const [what, text] of broken) {
  test(`refused, and not quoted: ${what}`, () => {
    const sealed = seal(Buffer.from(text), publicKey, context);
    assert.throws(
      () => openCredential(sealed, privateKey, context),
      (error: unknown) => error instanceof SealError && !error.message.includes(text) && error.cause === undefined,
    );
  });
}

test('a key of small order and a short one are not sealable', () => {
  assert.ok(isSealable(publicKey));
  assert.ok(!isSealable(Buffer.alloc(32).toString('base64')));
  assert.ok(!isSealable('AAAA'));
});
