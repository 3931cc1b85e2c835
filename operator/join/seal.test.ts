import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fingerprintOf, generateJoinKey, publicKeyOf, seal, SealError, unseal } from './seal.ts';

const context = { requestUID: 'uid-1', cluster: 'frankfurt' };
const mine = generateJoinKey();
const sealed = seal(Buffer.from('the token'), mine.publicKey, context);

test('only the key that it was sealed to opens it', () => {
  assert.equal(unseal(sealed, mine.privateKey, context).toString(), 'the token');
  assert.equal(publicKeyOf(mine.privateKey), mine.publicKey);
  assert.ok(!Buffer.from(sealed.ciphertext, 'base64').includes('the token'));
});

const flipped = Buffer.from(sealed.ciphertext, 'base64');
flipped[0]! ^= 1;
const attacks: [string, () => unknown][] = [
  ['another key', () => unseal(sealed, generateJoinKey().privateKey, context)],
  ['another request', () => unseal(sealed, mine.privateKey, { ...context, requestUID: 'uid-2' })],
  ['another cluster', () => unseal(sealed, mine.privateKey, { ...context, cluster: 'paris' })],
  ['an altered byte', () => unseal({ ...sealed, ciphertext: flipped.toString('base64') }, mine.privateKey, context)],
  ['nothing in it', () => unseal({ ...sealed, ciphertext: '' }, mine.privateKey, context)],
  [
    'a key of small order in the seal',
    () => unseal({ ...sealed, ephemeralPublicKey: Buffer.alloc(32).toString('base64') }, mine.privateKey, context),
  ],
  ['sealing to a key of small order', () => seal(Buffer.from('x'), Buffer.alloc(32).toString('base64'), context)],
  ['sealing to a short key', () => seal(Buffer.from('x'), 'AAAA', context)],
];
for (const [what, attack] of attacks) test(`refused: ${what}`, () => assert.throws(attack, SealError));

test('two seals of one text share nothing', () => {
  const again = seal(Buffer.from('the token'), mine.publicKey, context);
  assert.notEqual(again.ephemeralPublicKey, sealed.ephemeralPublicKey);
  assert.notEqual(again.ciphertext, sealed.ciphertext);
});

test('a fingerprint is SHA256 of the 32 bytes, as ssh-keygen writes it', () => {
  assert.equal(
    fingerprintOf(Buffer.alloc(32).toString('base64')),
    'SHA256:Zmh6rfhivXdsj8GLjp+OIAiXFIVu4jOzkCpZHQ1fKSU',
  );
});
