import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServiceError } from './errors.ts';
import { HealthChecks } from './health.ts';
import { createRegistry } from './metrics.ts';
import { parseAddress, startMetricsServer } from './metrics-server.ts';

test('ready only when every check holds, never when it stops', () => {
  const health = new HealthChecks();
  assert.equal(health.isReady().ok, false);
  let why: true | string = 'not synced';
  health.readiness('informers', () => why);
  health.readiness('other', () => true);
  assert.deepEqual(health.isReady(), { ok: false, text: '[-]informers failed: not synced\n[+]other ok\nfailed\n' });
  why = true;
  assert.equal(health.isReady().ok, true);
  health.stopping();
  assert.equal(health.isReady().ok, false);
});

test('a check that throws is a check that failed', () => {
  const health = new HealthChecks();
  health.readiness('loop', () => {
    throw new Error('broken');
  });
  assert.match(health.isReady().text, /loop failed: the check itself failed: broken/);
});

test('metrics, health and readiness over HTTP', async () => {
  const health = new HealthChecks();
  const server = await startMetricsServer('127.0.0.1:0', createRegistry('t', '1.2.3'), health);
  try {
    const get = async (path: string): Promise<[number, string]> => {
      const response = await fetch(`http://${server.address}${path}`);
      return [response.status, await response.text()];
    };
    const [status, metrics] = await get('/metrics');
    assert.equal(status, 200);
    assert.match(metrics, /isochrone_build_info\{program="t",version="1.2.3"/);
    assert.match(metrics, /process_cpu_seconds_total/);
    assert.doesNotMatch(metrics, /nodejs_active_(handles|requests|resources)_total/);
    assert.deepEqual(await get('/healthz'), [200, 'ok\n'], 'alive without any check');
    assert.equal((await get('/readyz'))[0], 503);
    health.readiness('x', () => true);
    assert.deepEqual(await get('/readyz?verbose'), [200, '[+]x ok\nok\n']);
    assert.equal((await get('/other'))[0], 404);
    assert.equal((await fetch(`http://${server.address}/metrics`, { method: 'POST' })).status, 405);
    await assert.rejects(
      startMetricsServer(server.address, createRegistry('u', '0'), health),
      (error) =>
        error instanceof ServiceError &&
        error.code === 'ADDRESS_UNAVAILABLE' &&
        /another process listens there/.test(error.message),
    );
  } finally {
    await server.close();
  }
});

test('addresses', () => {
  assert.deepEqual(parseAddress(':8080'), { host: '', port: 8080 });
  assert.deepEqual(parseAddress('127.0.0.1:0'), { host: '127.0.0.1', port: 0 });
  assert.deepEqual(parseAddress('[::1]:9'), { host: '::1', port: 9 });
  for (const bad of ['8080', '::1:8080', 'a:65536', 'a:', ''])
    assert.throws(() => parseAddress(bad), ServiceError, bad);
});
