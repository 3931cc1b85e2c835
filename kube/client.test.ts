import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { Registry } from 'prom-client';
import { ApiClient } from './client.ts';
import { core } from './core.ts';
import { ApiError, KubeconfigError, RequestTimeoutError } from './errors.ts';
import { FakeClock } from './fake-clock.ts';
import { addFinalizer, hasFinalizer, removeFinalizer } from './finalizers.ts';
import { sendJson, serveHttp } from './http-fixture.ts';
import { Metrics } from './metrics.ts';
import { RecordingLogger } from './recording-logger.ts';
import { parseRetryAfter } from './transport.ts';

const status = (code: number, reason: string, message = reason): object => ({ kind: 'Status', code, reason, message });
const ref = { namespace: 'ns', name: 'n' };

let directory = '';
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kube-client-'));
});
after(async () => {
  await rm(directory, { recursive: true });
});

describe('ApiClient', () => {
  test('each verb sends what the API expects', async () => {
    const api = await serveHttp((_, response) => sendJson(response, 200, { metadata: { name: 'n' } }));
    const client = ApiClient.fromOptions({ server: `${api.url}/clusters/one/`, fieldManager: 'me' });
    const object = { metadata: { ...ref, resourceVersion: '5' }, data: { a: '1' } };
    const { data } = object;
    await client.get(core.configMaps, ref);
    await client.list(core.configMaps, { namespace: 'ns', labelSelector: 'a=b', limit: 7 });
    await client.create(core.configMaps, object);
    await client.replace(core.configMaps, object, { dryRun: true });
    await client.mergePatch(core.configMaps, ref, { data: { a: null } }, { subresource: 'status' });
    await client.jsonPatch(core.configMaps, ref, [{ op: 'remove', path: '/data/a' }]);
    await client.apply(core.configMaps, { metadata: ref, data }, { fieldManager: 'hub', force: true });
    await client.delete(core.configMaps, ref, { uid: 'u', resourceVersion: '5', propagationPolicy: 'Foreground' });
    const base = '/clusters/one/api/v1/namespaces/ns/configmaps';
    const write = 'fieldManager=me&fieldValidation=Strict';
    const typed = { apiVersion: 'v1', kind: 'ConfigMap' };
    assert.deepEqual(
      api.received.map(({ method, url, headers, body }) => [
        method,
        url.pathname.slice(base.length) + url.search,
        headers['content-type'],
        body,
      ]),
      [
        ['GET', '/n', undefined, undefined],
        ['GET', '?labelSelector=a%3Db&limit=7', undefined, undefined],
        ['POST', `?${write}`, 'application/json', { ...object, ...typed }],
        ['PUT', `/n?${write}&dryRun=All`, 'application/json', { ...object, ...typed }],
        ['PATCH', `/n/status?${write}`, 'application/merge-patch+json', { data: { a: null } }],
        ['PATCH', `/n?${write}`, 'application/json-patch+json', [{ op: 'remove', path: '/data/a' }]],
        [
          'PATCH',
          '/n?fieldManager=hub&fieldValidation=Strict&force=true',
          'application/apply-patch+yaml',
          { metadata: ref, data, ...typed },
        ],
        [
          'DELETE',
          '/n',
          'application/json',
          {
            apiVersion: 'v1',
            kind: 'DeleteOptions',
            preconditions: { uid: 'u', resourceVersion: '5' },
            propagationPolicy: 'Foreground',
          },
        ],
      ],
    );
    await client.close();
  });

  test('find and delete tell absence from failure', async () => {
    let code = 404;
    const api = await serveHttp((_, response) => sendJson(response, code, status(code, 'x')));
    const client = ApiClient.fromOptions({ server: api.url });
    assert.equal(await client.find(core.configMaps, ref), undefined);
    assert.equal(await client.delete(core.configMaps, ref), false);
    code = 403;
    await assert.rejects(client.find(core.configMaps, ref), (error) => error instanceof ApiError && error.isForbidden);
    await assert.rejects(
      client.delete(core.configMaps, ref),
      (error) => error instanceof ApiError && error.isForbidden,
    );
    await client.close();
  });

  test('listAll pages', async () => {
    const api = await serveHttp(({ url }, response) => {
      const from = Number(url.searchParams.get('continue') ?? 0);
      const metadata = from === 0 ? { continue: '1' } : {};
      sendJson(response, 200, { metadata, items: [{ metadata: { name: `n${from}` } }] });
    });
    const client = ApiClient.fromOptions({ server: api.url });
    const names: (string | undefined)[] = [];
    for await (const node of client.listAll(core.nodes)) names.push(node.metadata.name);
    assert.deepEqual(names, ['n0', 'n1']);
    assert.equal(api.received[1]?.url.search, '?limit=500&continue=1');
    await client.close();
  });

  test('waits as long as a 429 says, retries 5xx only with Retry-After, and does not repeat other failures', async () => {
    const answers: [number, Record<string, string>][] = [
      [429, { 'retry-after': '3' }],
      [503, { 'retry-after': '1' }],
      [200, {}],
    ];
    let at = 0;
    const api = await serveHttp((_, response) =>
      sendJson(response, answers[at]![0], status(answers[at]![0], 'x'), answers[at++]![1]),
    );
    const waits: number[] = [];
    const clock = new FakeClock();
    const impatient = Object.assign(clock, {
      sleep: async (milliseconds: number) => void waits.push(milliseconds),
    });
    const client = ApiClient.fromOptions({ server: api.url, clock: impatient, random: () => 0 });
    await client.create(core.configMaps, { metadata: ref });
    assert.deepEqual(waits, [3000, 1000]);
    answers.splice(0, 3, [500, {}]);
    at = 0;
    await assert.rejects(client.get(core.configMaps, ref), { status: 500 });
    assert.equal(api.received.length, 4);
    await client.close();
  });

  test('a Retry-After of 0 is no loop, and one of a day no day', async () => {
    const retryAfter = ['0', '86400'];
    const api = await serveHttp((_, response) => {
      const span = retryAfter.shift();
      if (span === undefined) sendJson(response, 200, {});
      else sendJson(response, 503, status(503, 'x'), { 'retry-after': span });
    });
    const waits: number[] = [];
    const clock = Object.assign(new FakeClock(), { sleep: async (span: number) => void waits.push(span) });
    const client = ApiClient.fromOptions({ server: api.url, clock, random: () => 0 });
    await client.create(core.configMaps, { metadata: ref });
    assert.deepEqual(waits, [50, 60_000]);
    await client.close();
  });

  test('errors carry status, reason and details; plain text is quoted', async () => {
    const body = {
      ...status(409, 'Conflict', 'the object has been modified'),
      details: { name: 'n', retryAfterSeconds: 2 },
    };
    const api = await serveHttp(({ method }, response) => {
      if (method === 'GET') response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>bad gateway</h1>');
      else sendJson(response, 409, body);
    });
    const client = ApiClient.fromOptions({ server: api.url });
    await assert.rejects(client.create(core.configMaps, { metadata: ref }), (error) => {
      assert.ok(error instanceof ApiError);
      assert.equal(error.message, 'POST /api/v1/namespaces/ns/configmaps: 409 the object has been modified');
      assert.deepEqual([error.reason, error.details.name, error.retryAfterSeconds], ['Conflict', 'n', 2]);
      assert.ok(error.isConflict && !error.isAlreadyExists);
      return true;
    });
    await assert.rejects(client.get(core.configMaps, ref), /502 <h1>bad gateway/);
    await client.close();
  });

  test('of an error that never ends only the beginning is read', async () => {
    const api = await serveHttp((_, response) => {
      response.writeHead(500, { 'content-type': 'text/plain' });
      const more = (): void => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
      };
      response.on('drain', more);
      more();
    });
    const client = ApiClient.fromOptions({ server: api.url });
    const watch = client.watch(core.nodes, { signal: new AbortController().signal });
    await assert.rejects(watch.next(), /500 x{200}$/);
    await assert.rejects(client.create(core.configMaps, { metadata: ref }), /500 x{200}$/);
    await client.close();
  });

  test('a request that takes too long is ended, and so is one whose signal aborts', async () => {
    const api = await serveHttp(() => undefined);
    const clock = new FakeClock();
    const client = ApiClient.fromOptions({ server: api.url, clock });
    const slow = assert.rejects(client.get(core.configMaps, ref, { timeoutMilliseconds: 500 }), RequestTimeoutError);
    await clock.advance(500);
    await slow;
    const abort = new AbortController();
    const aborted = assert.rejects(client.get(core.configMaps, ref, { signal: abort.signal }), /enough/);
    abort.abort(new Error('enough'));
    await aborted;
    await client.close();
  });

  test('a request that was refused until its time was over says how', async () => {
    const api = await serveHttp((_, response) => {
      sendJson(response, 429, status(429, 'TooManyRequests'), { 'retry-after': '1' });
    });
    const clock = new FakeClock();
    const client = ApiClient.fromOptions({ server: api.url, clock });
    const refused = assert.rejects(client.get(core.configMaps, ref, { timeoutMilliseconds: 500 }), (error: Error) => {
      assert.ok(error instanceof RequestTimeoutError);
      assert.match(error.message, /not done within 500 ms, and the last try failed: GET .*: 429/);
      assert.ok(error.cause instanceof ApiError);
      return true;
    });
    while (clock.waiting < 2) await nextTurn(); // the time limit, and the wait before the next try
    await clock.advance(500);
    await refused;
    await client.close();
  });

  test('gzip is asked for and undone', async () => {
    const api = await serveHttp(({ headers }, response) => {
      assert.equal(headers['accept-encoding'], 'gzip');
      response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
      response.end(gzipSync('{"metadata":{"name":"squeezed"}}'));
    });
    const client = ApiClient.fromOptions({ server: api.url });
    assert.equal((await client.get(core.configMaps, ref)).metadata.name, 'squeezed');
    await client.close();
  });

  test('a token file is read again when it is a minute old, and at once after a 401', async () => {
    const path = join(directory, 'token');
    await writeFile(path, 'first\n');
    let valid = 'first';
    const api = await serveHttp(({ headers }, response) => {
      if (headers.authorization === `Bearer ${valid}`) sendJson(response, 200, { metadata: {} });
      else sendJson(response, 401, status(401, 'Unauthorized'));
    });
    const clock = new FakeClock();
    const client = ApiClient.fromOptions({ server: api.url, tokenFile: path, clock });
    await client.get(core.configMaps, ref);
    await writeFile(path, 'second');
    await client.get(core.configMaps, ref);
    valid = 'second';
    await client.get(core.configMaps, ref);
    assert.deepEqual(
      api.received.map(({ headers }) => headers.authorization),
      ['Bearer first', 'Bearer first', 'Bearer first', 'Bearer second'],
    );
    await writeFile(path, 'third');
    valid = 'third';
    await clock.advance(61_000);
    await client.get(core.configMaps, ref);
    assert.equal(api.received.length, 5, 'after a minute the new token is sent without a 401 first');
    valid = 'nobody has it';
    await assert.rejects(
      client.get(core.configMaps, ref),
      (error) => error instanceof ApiError && error.isUnauthorized,
    );
    assert.equal(api.received.length, 6, 'credentials that did not change are not sent again');
    await client.close();
  });

  test('200 requests at once use at most 16 connections, and a watch has its own', async () => {
    const api = await serveHttp(({ url }, response) => {
      if (url.searchParams.get('watch') === 'true') response.writeHead(200).flushHeaders();
      else setImmediate(() => sendJson(response, 200, { metadata: {}, items: [] }));
    });
    const client = ApiClient.fromOptions({ server: api.url });
    const stop = new AbortController();
    const watching = client.watch(core.nodes, { signal: stop.signal }).next();
    await Promise.all(Array.from({ length: 200 }, () => client.list(core.nodes)));
    assert.ok(api.connections() <= 17, `${api.connections()} connections`);
    stop.abort(new Error('stopped'));
    await assert.rejects(watching, /stopped/);
    await client.close();
  });

  test('limits its own rate', async () => {
    const api = await serveHttp((_, response) => sendJson(response, 200, { metadata: {}, items: [] }));
    const clock = new FakeClock();
    const client = ApiClient.fromOptions({ server: api.url, clock, requestsPerSecond: 1, burst: 2 });
    const all = Promise.all(Array.from({ length: 4 }, () => client.list(core.nodes)));
    await clock.advance(0);
    assert.equal(clock.waiting > 0, true);
    await clock.advance(2_000);
    await all;
    assert.equal(api.received.length, 4);
    await client.close();
  });

  test('metrics by code, method and host; two clients share a registry; no token in logs, errors or metrics', async () => {
    const api = await serveHttp((_, response) => sendJson(response, 403, status(403, 'Forbidden')));
    const registry = new Registry();
    const logger = new RecordingLogger();
    const options = { server: api.url, token: 'hunter2', logger };
    const clients = [0, 1].map(() => ApiClient.fromOptions({ ...options, metrics: new Metrics(registry) }));
    const errors: unknown[] = [];
    for (const client of clients) {
      await client.get(core.configMaps, ref).catch((error: unknown) => errors.push(error));
      await client.close();
    }
    const host = new URL(api.url).host;
    const text = await registry.metrics();
    assert.ok(text.includes(`rest_client_requests_total{code="403",method="GET",host="${host}"} 2`), text);
    assert.equal(errors.length, 2);
    const said = [
      text,
      JSON.stringify(logger.lines),
      ...errors.map((error) => JSON.stringify(error) + (error as Error).stack!),
    ];
    assert.doesNotMatch(said.join('\n'), /hunter2/);
  });

  test('options that contradict each other are refused', () => {
    const cases: [Parameters<typeof ApiClient.fromOptions>[0], RegExp][] = [
      [{ server: 'nonsense' }, /server "nonsense" is not an http\(s\) URL/],
      [{ server: 'https://a', token: 'x', tokenFile: 'y' }, /both set/],
      [{ server: 'https://a', clientCertificate: 'x' }, /belong together/],
      [{ server: 'http://example.com', token: 'x' }, /clear text/],
    ];
    for (const [options, message] of cases) {
      assert.throws(
        () => ApiClient.fromOptions(options),
        (error) => error instanceof KubeconfigError && message.test(error.message),
      );
    }
  });

  test('outside a cluster says so', async () => {
    await assert.rejects(ApiClient.inCluster({ environment: {} }), /KUBERNETES_SERVICE_HOST/);
    const environment = { KUBERNETES_SERVICE_HOST: '::1', KUBERNETES_SERVICE_PORT: '443' };
    await assert.rejects(ApiClient.inCluster({ environment, directory: '/nowhere' }), /\/nowhere\/\S+ cannot be read/);
  });
});

describe('kubeconfig as text', () => {
  const config = (user: string, cluster = ''): string => `
apiVersion: v1
kind: Config
current-context: c
contexts: [{ name: c, context: { cluster: k, user: u } }]
clusters: [{ name: k, cluster: { server: https://10.0.0.1:6443 ${cluster} } }]
users: [{ name: u, user: ${user} }]`;
  const refused: [string, string, RegExp][] = [
    [
      'a command',
      config('{ exec: { apiVersion: client.authentication.k8s.io/v1, command: /bin/true } }'),
      /user u: exec/,
    ],
    ['a token file', config('{ tokenFile: /etc/shadow }'), /user u: tokenFile/],
    ['a token file by its other name', config('{ token-file: /etc/passwd }'), /user u: token-file/],
    ['a key file', config('{ client-certificate: /a, client-key: /b }'), /client-certificate; user u: client-key/],
    ['a CA file', config('{ token: x }', ', certificate-authority: /etc/passwd'), /cluster k: certificate-authority/],
    ['an auth provider', config('{ auth-provider: { name: oidc, config: { id-token: x } } }'), /auth-provider/],
  ];
  for (const [name, text, message] of refused) {
    test(`refuses ${name}`, async () => {
      await assert.rejects(
        ApiClient.fromKubeconfig({ text }),
        (error) => error instanceof KubeconfigError && message.test(error.message),
      );
    });
  }
  test('a tokenFile in a file is read, relative to it, and followed', async () => {
    const api = await serveHttp((_, response) => sendJson(response, 200, { metadata: {} }));
    await writeFile(join(directory, 'sa-token'), 'from-file');
    const path = join(directory, 'kubeconfig');
    const text = config('{ tokenFile: sa-token }', ', insecure-skip-tls-verify: true');
    await writeFile(path, text.replace('https://10.0.0.1:6443', api.url));
    const client = await ApiClient.fromKubeconfig({ path });
    await client.get(core.configMaps, ref);
    assert.equal(api.received[0]?.headers.authorization, 'Bearer from-file');
    await client.close();
  });
  test('takes a token; names an unknown context and lists the known ones', async () => {
    const client = await ApiClient.fromKubeconfig({ text: config('{ token: x }') });
    assert.equal(client.server, 'https://10.0.0.1:6443');
    await client.close();
    await assert.rejects(
      ApiClient.fromKubeconfig({ text: config('{ token: x }'), context: 'd' }),
      /no context "d"; it has: c/,
    );
  });
  test('does not quote what it cannot read', async () => {
    await assert.rejects(ApiClient.fromKubeconfig({ text: 'users: [{ token: hunter2' }), (error: Error) => {
      assert.doesNotMatch(String(error.stack) + String((error.cause as Error | undefined)?.stack), /hunter2/);
      return error instanceof KubeconfigError;
    });
  });
});

describe('finalizers', () => {
  test('patch the list under the resourceVersion and uid they were read at', async () => {
    const api = await serveHttp(({ body }, response) => sendJson(response, 200, body as object));
    const client = ApiClient.fromOptions({ server: api.url });
    const object = { metadata: { ...ref, uid: 'u', resourceVersion: '9', finalizers: ['other'] } };
    const added = await addFinalizer(client, core.configMaps, object, 'mine');
    assert.deepEqual(api.received[0]?.body, {
      metadata: { uid: 'u', resourceVersion: '9', finalizers: ['other', 'mine'] },
    });
    assert.ok(hasFinalizer(added, 'mine'));
    await removeFinalizer(client, core.configMaps, object, 'other');
    assert.deepEqual(api.received[1]?.body, { metadata: { uid: 'u', resourceVersion: '9', finalizers: [] } });
    assert.equal(await removeFinalizer(client, core.configMaps, object, 'mine'), object);
    assert.equal(await addFinalizer(client, core.configMaps, object, 'other'), object);
    assert.equal(api.received.length, 2, 'what holds already is not written');
    await assert.rejects(addFinalizer(client, core.configMaps, { metadata: ref }, 'x'), /no metadata.resourceVersion/);
    await client.close();
  });
});

test('Retry-After in seconds and as a date', () => {
  const now = Date.UTC(2030, 0, 1);
  assert.equal(parseRetryAfter('5', now), 5);
  assert.equal(parseRetryAfter('Tue, 01 Jan 2030 00:00:09 GMT', now), 9);
  assert.equal(parseRetryAfter('Mon, 31 Dec 2029 00:00:00 GMT', now), 0);
  assert.equal(parseRetryAfter('soon', now), undefined);
  assert.equal(parseRetryAfter(undefined, now), undefined);
});
