import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasCode } from '../errors.ts';
import { formatJoinToken, parseJoinToken, type JoinToken } from './join-token.ts';

const token: JoinToken = {
  server: 'https://hub.example:6443',
  ca: '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n',
  id: 'frankfurt-1',
  namespace: 'isochrone-join',
  cluster: 'frankfurt',
  token: 'eyJhbGciOi.eyJpc3Mi.c2ln',
};
const encode = (fields: unknown): string =>
  `isochrone-join-v1.${Buffer.from(JSON.stringify(fields)).toString('base64url')}`;

test('what is formatted is parsed, with and without an authority, and with a newline after it', () => {
  const { ca: _, ...publicly } = token;
  for (const one of [token, publicly]) assert.deepEqual(parseJoinToken(`${formatJoinToken(one)}\n`, 'test'), one);
  assert.match(formatJoinToken(token), /^isochrone-join-v1\.[\w-]+$/);
});

const refused: [what: string, text: string, message: RegExp][] = [
  ['nothing', '', /begins with isochrone-join-v1\./],
  ['another thing', 'eyJhbGciOi.eyJpc3Mi.c2ln', /begins with isochrone-join-v1\./],
  ['cut short', formatJoinToken(token).slice(0, -9), /cut short or damaged/],
  ['no object', encode(null), /names no server/],
  ['no address', encode({ ...token, server: 'hub' }), /names no server/],
  ['an authority that is none', encode({ ...token, ca: 'AA==' }), /is not PEM/],
  ['no secret', encode({ ...token, token: undefined }), /lacks a field/],
  ['a name that is a path', encode({ ...token, id: '../secrets' }), /lacks a field/],
];
for (const [what, text, message] of refused) {
  test(`refused: ${what}, without a word of it`, () => {
    assert.throws(
      () => parseJoinToken(text, 'file /t'),
      (error: unknown) => {
        assert.ok(hasCode(error, 'JOIN_TOKEN_INVALID'));
        assert.match(error.message, message);
        assert.match(error.message, /^file \/t: .*; copy the whole line/);
        assert.ok(text === '' || !error.message.includes(text.slice(-12)));
        return true;
      },
    );
  });
}
