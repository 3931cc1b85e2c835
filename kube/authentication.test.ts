import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';
import { ApiClient } from './client.ts';
import { core } from './core.ts';
import { sharedAuthentication, type Identity } from './credentials.ts';
import { ApiError, RequestTimeoutError } from './errors.ts';
import { FakeClock } from './fake-clock.ts';
import { sendJson, serveHttp } from './http-fixture.ts';

const ref = { namespace: 'ns', name: 'n' };
const identity = (token: string): Identity => ({ headers: { authorization: token }, tls: {} });

let directory = '';
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kube-authentication-'));
});
after(async () => {
  await rm(directory, { recursive: true });
});

describe('sharedAuthentication', () => {
  test('who asks while a question is open shares its answer; a refresh serves everybody', async () => {
    const asked: boolean[] = [];
    const ask = sharedAuthentication(async (refresh) => {
      asked.push(refresh);
      return identity(`token ${asked.length}`);
    }, new FakeClock());
    const { signal } = new AbortController();
    const answers = await Promise.all([ask(true, signal), ask(true, signal), ask(false, signal)]);
    assert.deepEqual(asked, [true]);
    assert.deepEqual(new Set(answers.map(({ headers }) => headers['authorization'])), new Set(['token 1']));
    await ask(false, signal);
    assert.deepEqual(asked, [true, false]);
  });

  test('an asker waits only until its signal aborts; what hangs is asked again after a while', async () => {
    const clock = new FakeClock();
    const asked: boolean[] = [];
    const ask = sharedAuthentication((refresh) => {
      asked.push(refresh);
      return asked.length === 1 ? new Promise(() => undefined) : Promise.resolve(identity('token'));
    }, clock);
    const impatient = new AbortController();
    const given = assert.rejects(ask(false, impatient.signal), /enough/);
    impatient.abort(new Error('enough'));
    await given;
    await clock.advance(30_000);
    const { signal } = new AbortController();
    assert.equal((await ask(false, signal)).headers['authorization'], 'token');
  });

  test('a question that failed is asked again', async () => {
    let fails = true;
    const ask = sharedAuthentication(async () => {
      if (fails) throw new Error('no plug-in');
      return identity('token');
    }, new FakeClock());
    const { signal } = new AbortController();
    await assert.rejects(ask(false, signal), /no plug-in/);
    fails = false;
    await ask(false, signal);
  });
});

describe('exec plug-ins', () => {
  /** A plug-in that does `script` and prints `$TOKEN` as a token; each run leaves a line in a file. */
  async function withPlugIn(t: TestContext, name: string, server: string, script: string) {
    const [command, kubeconfig, runs] = ['sh', 'kubeconfig', 'runs'].map((kind) => join(directory, `${name}.${kind}`));
    await writeFile(
      command!,
      `#!/bin/sh
echo run >> '${runs}'
${script}
echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"'"$TOKEN"'"}}'
`,
      { mode: 0o755 },
    );
    await writeFile(
      kubeconfig!,
      `
apiVersion: v1
kind: Config
current-context: c
contexts: [{ name: c, context: { cluster: k, user: u } }]
clusters: [{ name: k, cluster: { server: "${server}", insecure-skip-tls-verify: true } }]
users: [{ name: u, user: { exec: { apiVersion: client.authentication.k8s.io/v1, command: "${command}", interactiveMode: Never } } }]`,
    );
    const client = await ApiClient.fromKubeconfig({ path: kubeconfig! });
    t.after(() => client.close());
    return { client, runs: async () => (await readFile(runs!, 'utf8')).trim().split('\n').length };
  }

  test('give a token that is kept, and another after a 401', async (t) => {
    let valid = 'Bearer first';
    const api = await serveHttp(({ headers }, response) => {
      const known = headers.authorization === valid;
      sendJson(response, known ? 200 : 401, known ? { metadata: {} } : { kind: 'Status', message: 'unknown token' });
    });
    const file = join(directory, 'valid');
    await writeFile(file, 'first');
    const { client, runs } = await withPlugIn(t, 'tokens', api.url, `TOKEN=$(cat '${file}')`);
    await client.get(core.configMaps, ref);
    await client.get(core.configMaps, ref);
    assert.equal(await runs(), 1);
    await writeFile(file, 'second');
    valid = 'Bearer second';
    await Promise.all([1, 2, 3].map(() => client.get(core.configMaps, ref)));
    assert.ok((await runs()) >= 2);
    valid = 'Bearer nobody has it';
    await assert.rejects(
      client.get(core.configMaps, ref),
      (error) => error instanceof ApiError && error.isUnauthorized,
    );
  });

  test('that hang cost a request its time limit, and no more', async (t) => {
    const api = await serveHttp((_, response) => sendJson(response, 200, { metadata: {} }));
    const fifo = join(directory, 'never-written');
    const { client, runs } = await withPlugIn(t, 'hangs', api.url, `mkfifo '${fifo}'; read TOKEN < '${fifo}'`);
    const attempts = [1, 2, 3].map(() =>
      assert.rejects(client.get(core.configMaps, ref, { timeoutMilliseconds: 300 }), RequestTimeoutError),
    );
    await Promise.all(attempts);
    assert.equal(await runs(), 1);
    assert.equal(api.received.length, 0);
    // Lets the plug-in end.
    await writeFile(fifo, 'late\n');
  });
});

test('requests go through the proxy-url of the kubeconfig', async () => {
  const proxy = await serveHttp((_, response) => sendJson(response, 200, { metadata: { name: 'behind' } }));
  const text = `
apiVersion: v1
kind: Config
current-context: c
contexts: [{ name: c, context: { cluster: k, user: u } }]
clusters: [{ name: k, cluster: { server: "http://api.invalid", proxy-url: "${proxy.url}" } }]
users: [{ name: u, user: {} }]`;
  const client = await ApiClient.fromKubeconfig({ text });
  assert.equal((await client.get(core.configMaps, ref)).metadata.name, 'behind');
  assert.equal(proxy.received[0]?.url.host, 'api.invalid');
  await client.close();
});

test('a token that is rotated by other means is asked for before every request, also through a proxy', async () => {
  const proxy = await serveHttp((_, response) => sendJson(response, 200, { metadata: { name: 'n' } }));
  let token = 'first';
  const client = ApiClient.fromOptions({
    server: 'http://localhost:1',
    proxyUrl: proxy.url,
    currentToken: () => token,
  });
  await client.get(core.configMaps, ref);
  token = 'second';
  await client.get(core.configMaps, ref);
  assert.deepEqual(
    proxy.received.map(({ url, headers }) => [url.host, headers.authorization]),
    [
      ['localhost:1', 'Bearer first'],
      ['localhost:1', 'Bearer second'],
    ],
  );
  await client.close();
  assert.throws(() => ApiClient.fromOptions({ server: 'https://hub', token: 'a', currentToken: () => 'b' }), {
    message: /token and currentToken are both set/,
  });
});
