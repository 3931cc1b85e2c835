import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLogger } from './logger.ts';
import { redactText } from './redaction.ts';

function logged(fields: object, message = 'm'): Record<string, unknown> {
  let line = '';
  const logger = createLogger({ program: 't', destination: { write: (text: string) => void (line += text) } });
  logger.info(fields, message);
  return JSON.parse(line) as Record<string, unknown>;
}

test('secrets do not reach the log, at any depth and however they are named', () => {
  const secret = 'hunter2-hunter2';
  const fields = {
    headers: { Authorization: `Bearer ${secret}`, cookie: secret },
    list: [{ token: secret, secretAccessKey: secret }],
    env: { AWS_SECRET_ACCESS_KEY: secret, clientKey: secret, sessionToken: secret },
    secret: { nested: secret },
    url: `https://s3/b/k?X-Amz-Expires=9&X-Amz-Signature=${secret}&X-Amz-Credential=${secret}%2Fx&x=1`,
    database: `postgresql://me:${secret}@db:5432/books`,
    error: new Error(`GET https://s3/b/k?X-Amz-Signature=${secret} failed`, { cause: new Error(`Bearer ${secret}`) }),
  };
  const line = JSON.stringify(logged(fields, `Authorization: Bearer ${secret}`));
  assert.ok(!line.includes(secret), line);
  assert.match(line, /X-Amz-Expires=9&X-Amz-Signature=\[redacted\]/);
});

test('what only sounds secret is kept', () => {
  const fields = { fencingToken: 7, storageSecretName: 'task-1', tokens: 3, secretRef: { name: 's3' } };
  const { fencingToken, storageSecretName, tokens, secretRef } = logged(fields);
  assert.deepEqual({ fencingToken, storageSecretName, tokens, secretRef }, fields);
});

test('a JWT and a private key in a text are masked', () => {
  const jwt = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl';
  assert.equal(redactText(`token ${jwt}!`), 'token [redacted]!');
  assert.equal(redactText('a -----BEGIN EC PRIVATE KEY-----\nabc\n-----END EC PRIVATE KEY----- b'), 'a [redacted] b');
});
