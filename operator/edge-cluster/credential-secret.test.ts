import assert from 'node:assert/strict';
import { test } from 'node:test';
import { annotations } from '@isochrone/api';
import type { Secret } from '@isochrone/kube';
import { keyPatch, sealedOf, sealedPatch, viewCredential } from './credential-secret.ts';

const key = { publicKey: 'mine', joinedBy: 'request-1' };
const claims = {
  issuedAt: Date.UTC(2030, 0, 1),
  expiresAt: Date.UTC(2030, 0, 2),
  serviceAccountUID: 'sa',
  secretUID: 'secret',
};
const sealed = { ephemeralPublicKey: 'AAAA', ciphertext: 'BBBB' };
const encode = (data: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(data).map(([name, text]) => [name, Buffer.from(text).toString('base64')]));

/** As the API server makes it of the patches. */
const stored = (notes: Record<string, string>, data: Record<string, string> = {}): Secret => ({
  metadata: { name: 'c', uid: 'secret', annotations: notes },
  data: encode(data),
});
const { annotations: keyNotes } = keyPatch(key).metadata;
const { metadata, stringData } = sealedPatch(sealed, claims);
const body = Buffer.from(
  JSON.stringify({ iat: 1, exp: 2, 'kubernetes.io': { serviceaccount: { uid: 'sa' }, secret: { uid: 'secret' } } }),
);
const plain = { token: `h.${body.toString('base64url')}.s` };

const views: [what: string, secret: Secret, expected: ReturnType<typeof viewCredential>][] = [
  ['nobody has joined', stored({}), { uid: 'secret', key: undefined, token: undefined }],
  ['a key, and no token yet', stored(keyNotes), { uid: 'secret', key, token: undefined }],
  [
    'a sealed token',
    stored({ ...keyNotes, ...metadata.annotations }, stringData),
    { uid: 'secret', key, token: claims },
  ],
  [
    'a token of before credentials were sealed',
    stored({}, plain),
    { uid: 'secret', key: undefined, token: { ...claims, issuedAt: 1000, expiresAt: 2000 } },
  ],
  ['a plain token beside a key does not count', stored(keyNotes, plain), { uid: 'secret', key, token: undefined }],
  [
    'a key of no request is none',
    stored({ [annotations.publicKey]: 'mine' }),
    { uid: 'secret', key: undefined, token: undefined },
  ],
  [
    'times that are none',
    stored({ ...keyNotes, ...metadata.annotations, [annotations.issuedTime]: 'soon' }, stringData),
    { uid: 'secret', key, token: undefined },
  ],
];
for (const [what, secret, expected] of views) {
  test(`seen: ${what}`, () => assert.deepEqual(viewCredential(secret), expected));
}

test('what was sealed is read back, and nothing where something is missing', () => {
  assert.deepEqual(sealedOf(stored({}, stringData)), sealed);
  assert.equal(sealedOf(stored({}, plain)), undefined);
  assert.equal(sealedOf(stored({}, { ciphertext: 'BBBB' })), undefined);
});
