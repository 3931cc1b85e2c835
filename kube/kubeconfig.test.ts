import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';
import { ApiClient } from './client.ts';
import { core } from './core.ts';
import { KubeconfigError } from './errors.ts';
import { sendJson, serveHttp } from './http-fixture.ts';

const ref = { namespace: 'ns', name: 'n' };
const garbage = Buffer.from('garbage').toString('base64');

let directory = '';
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kubeconfig-'));
});
after(async () => {
  await rm(directory, { recursive: true });
});

const config = (server: string, user = '{}', cluster = ''): string => `
apiVersion: v1
kind: Config
current-context: c
contexts: [{ name: c, context: { cluster: k, user: u } }]
clusters: [{ name: k, cluster: { server: "${server}" ${cluster} } }]
users: [{ name: u, user: ${user} }]`;

async function refused(kubeconfig: Promise<ApiClient>, message: RegExp): Promise<void> {
  await assert.rejects(kubeconfig, (error) => {
    assert.ok(error instanceof KubeconfigError, String(error));
    assert.match(error.message, message);
    assert.doesNotMatch(String(error.stack) + String((error.cause as Error | undefined)?.stack), /hunter2/);
    return true;
  });
}

function withEnvironment(t: TestContext, values: Record<string, string | undefined>): void {
  for (const [name, value] of Object.entries(values)) {
    const old = process.env[name];
    const set = (to: string | undefined): void => {
      if (to === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = to;
    };
    set(value);
    t.after(() => set(old));
  }
}

describe('a kubeconfig that cannot be used is refused by source, field and remedy', () => {
  const mistakes: [string, string, RegExp][] = [
    ['a list', '- hunter2', /is a list, not a mapping with clusters, users and contexts/],
    ['a string', 'hunter2', /is a string, not a mapping/],
    ['users in a mapping', 'users: { a: hunter2 }', /users is not a list of mappings that each have a name/],
    ['an empty entry', 'clusters: [null]', /clusters is not a list of mappings/],
    ['a user that is a string', 'users: [{ name: u, user: hunter2 }]', /user of u is not a mapping/],
    ['a cluster without server', 'clusters: [{ name: k, cluster: {} }]', /cluster k has no server; .*https:/],
    [
      'a certificate that is none',
      config('https://a', `{ client-certificate-data: ${garbage}, client-key-data: ${garbage} }`),
      /user u: client-certificate-data is not a certificate/,
    ],
    [
      'a key that is none',
      config('https://a', `{ client-key-data: ${garbage} }`),
      /user u: client-key-data is not a private key/,
    ],
    [
      'an authority that is none',
      config('https://a', '{}', `, certificate-authority-data: ${garbage}`),
      /cluster k: certificate-authority-data is not a certificate/,
    ],
    ['impersonation of groups', config('https://a', '{ as: x, as-groups: [y] }'), /user u: as-groups is not supported/],
    ['a token in clear text', config('http://example.com', '{ token: hunter2 }'), /clear text; use https/],
  ];
  for (const [name, text, message] of mistakes) {
    test(name, async () => {
      await refused(ApiClient.fromKubeconfig({ text }), new RegExp(`(kubeconfig text|server).*${message.source}`));
      const path = join(directory, 'mistaken');
      await writeFile(path, text);
      await refused(ApiClient.fromKubeconfig({ path }), new RegExp(`(file .*mistaken|server).*${message.source}`));
    });
  }

  test('no file', async (t) => {
    await refused(
      ApiClient.fromKubeconfig({ path: '/nowhere/config' }),
      /file \/nowhere\/config cannot be read \(ENOENT\)/,
    );
    withEnvironment(t, { KUBECONFIG: '/nowhere/else', HOME: directory });
    await refused(ApiClient.fromKubeconfig({}), /file \/nowhere\/else cannot be read/);
    withEnvironment(t, { KUBECONFIG: undefined });
    await refused(
      ApiClient.fromKubeconfig({}),
      /there is no kubeconfig: \$KUBECONFIG is not set, and .*config does not/,
    );
  });
});

test('a server without TLS is taken as kubectl takes it, as of kubectl proxy', async () => {
  const api = await serveHttp((_, response) => sendJson(response, 200, { metadata: { name: 'n' } }));
  const client = await ApiClient.fromKubeconfig({ text: config(api.url, '{ token: x }') });
  assert.equal((await client.get(core.configMaps, ref)).metadata.name, 'n');
  await client.close();
});

test('a server that is no API server is named, whatever it answers', async () => {
  let status = 200;
  const page = await serveHttp((_, response) => {
    response.writeHead(status, { 'content-type': 'text/html', location: '/login' }).end('<html>log in</html>');
  });
  const client = ApiClient.fromOptions({ server: page.url });
  const attempts: (() => Promise<unknown>)[] = [
    () => client.get(core.configMaps, ref),
    () => client.listAll(core.nodes).next(),
    () => client.watch(core.nodes, { signal: new AbortController().signal }).next(),
  ];
  for (status of [200, 302]) {
    for (const attempt of attempts) {
      await assert.rejects(attempt, (error) => {
        assert.ok(error instanceof KubeconfigError, String(error));
        assert.match(error.message, new RegExp(`${page.url} answered ${status} with text/html; .*check server`));
        return true;
      });
    }
  }
  await client.close();
});
