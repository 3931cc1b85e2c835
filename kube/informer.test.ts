import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Registry } from 'prom-client';
import type { ApiClient } from './client.ts';
import { core, type ConfigMap } from './core.ts';
import { ApiError } from './errors.ts';
import { FakeClock } from './fake-clock.ts';
import { Informer, type Change, type InformerOptions } from './informer.ts';
import { Metrics } from './metrics.ts';
import { ModelApi, type Cut } from './model-api.ts';
import { RecordingLogger } from './recording-logger.ts';

function configMap(name: string, data: Record<string, string> = {}, namespace = 'default'): ConfigMap {
  return { metadata: { namespace, name }, data };
}

/** An informer of a model, running on a fake clock, and a replica built from nothing but its changes. */
function start(api: ModelApi<ConfigMap>, options: Partial<InformerOptions<ConfigMap, string>> = {}) {
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const registry = new Registry();
  const stop = new AbortController();
  const informer = new Informer<ConfigMap, string>({
    client: api as unknown as Pick<ApiClient, 'name' | 'list' | 'watch'>,
    resource: core.configMaps,
    project: (object) => object.data?.['value'] ?? '',
    indexes: { byValue: (item) => [item] },
    logger,
    metrics: new Metrics(registry),
    clock,
    random: () => 0.5,
    ...options,
  });
  const replica = new Map<string, string>();
  const changes: Change<string>[] = [];
  informer.onChange((change) => {
    changes.push(change);
    switch (change.type) {
      case 'Added':
        assert.ok(!replica.has(change.key), `${change.key} was added twice`);
        replica.set(change.key, change.current);
        break;
      case 'Updated':
        assert.equal(replica.get(change.key), change.previous);
        replica.set(change.key, change.current);
        break;
      case 'Deleted':
        assert.equal(replica.get(change.key), change.previous);
        replica.delete(change.key);
        break;
    }
  });
  const running = informer.run(stop.signal);
  return {
    informer,
    clock,
    logger,
    registry,
    replica,
    changes,
    errors: () => logger.lines.filter((line) => line.level === 'error'),
    async stop(): Promise<void> {
      stop.abort();
      await clock.advance(0);
      await running;
    },
  };
}

function expected(api: ModelApi<ConfigMap>): Record<string, string> {
  return Object.fromEntries(
    [...api.objects].map(([key, object]): [string, string] => [key, object.data?.['value'] ?? '']).sort(),
  );
}

function sorted(map: ReadonlyMap<string, string>): Record<string, string> {
  return Object.fromEntries([...map].sort());
}

describe('Informer', () => {
  test('first sync streams the collection without a list, marks it initial, and follows it', async () => {
    const api = new ModelApi<ConfigMap>();
    api.put(configMap('a', { value: '1' }));
    const run = start(api);
    assert.equal(run.informer.hasSynced, false);
    await run.clock.advance(1);
    await run.informer.synced();
    api.put(configMap('b', { value: '2' }));
    api.put(configMap('a', { value: '3' }));
    api.remove('default/b');
    await run.clock.advance(1);
    assert.deepEqual(run.changes, [
      { type: 'Added', key: 'default/a', current: '1', initial: true },
      { type: 'Added', key: 'default/b', current: '2', initial: false },
      { type: 'Updated', key: 'default/a', current: '3', previous: '1' },
      { type: 'Deleted', key: 'default/b', previous: '2' },
    ]);
    assert.deepEqual(api.counts, { list: 0, watch: 1, watchList: 1 });
    assert.equal(run.informer.get('default/a'), '3');
    assert.deepEqual(run.informer.byIndex('byValue', '3'), ['3']);
    assert.deepEqual(run.informer.byIndex('byValue', '1'), []);
    assert.throws(() => run.informer.byIndex('byColour', 'red'), /no index "byColour"; declared: byValue/);
    await run.stop();
  });

  test('pages where the server has no watch-list, and never asks for it again', async () => {
    const api = new ModelApi<ConfigMap>();
    api.supportsWatchList = false;
    for (let index = 0; index < 1201; index++) api.put(configMap(`c${index}`));
    const run = start(api);
    await run.clock.advance(5_000);
    assert.equal(run.informer.size, 1201);
    assert.deepEqual(api.counts, { list: 3, watch: 2, watchList: 1 });
    api.compact();
    api.cut('gone');
    await run.clock.advance(5_000);
    assert.equal(api.counts.watchList, 1);
    assert.equal(api.counts.list, 6);
    await run.stop();
  });

  test('falls back to pages when the server ignores the request for initial events', async () => {
    const api = new ModelApi<ConfigMap>();
    api.put(configMap('a'));
    api.isHung = true;
    const list = api.watch.bind(api);
    // An API server older than watch-list: it watches, and never says that the initial events have ended.
    api.watch = (resource, options) => list(resource, { ...options, sendInitialEvents: false });
    const run = start(api);
    await run.clock.advance(80_000);
    assert.equal(run.informer.hasSynced, false);
    await run.clock.advance(20_000);
    assert.equal(run.informer.hasSynced, true);
    assert.equal(api.counts.list, 1);
    await run.stop();
  });

  test('a cut watch resumes from the last version and misses nothing; a list is not needed', async () => {
    const api = new ModelApi<ConfigMap>();
    const run = start(api);
    await run.clock.advance(1);
    for (const kind of ['close', 'reset', 'internal-error'] as const) {
      api.cut(kind);
      api.put(configMap(kind));
      await run.clock.advance(60_000);
    }
    assert.deepEqual(sorted(run.replica), expected(api));
    assert.equal(api.counts.watchList, 1);
    assert.equal(api.counts.list, 0);
    await run.stop();
  });

  test('a resumed watch repeats nothing, and bookmarks save it from a compaction', async () => {
    const api = new ModelApi<ConfigMap>();
    const run = start(api);
    await run.clock.advance(1);
    for (const value of ['1', '2', '3']) api.put(configMap('a', { value }));
    await run.clock.advance(1);
    api.cut('close');
    await run.clock.advance(1_000);
    assert.equal(run.changes.length, 3);
    api.bookmark();
    await run.clock.advance(1);
    api.compact();
    api.cut('close');
    await run.clock.advance(1_000);
    assert.deepEqual(api.counts, { list: 0, watch: 3, watchList: 1 });
    await run.stop();
  });

  test('a compacted version is met by a full sync that finds what was deleted meanwhile', async () => {
    const api = new ModelApi<ConfigMap>();
    api.put(configMap('stays'));
    api.put(configMap('goes'));
    const run = start(api);
    await run.clock.advance(1);
    api.isHung = true;
    api.remove('default/goes');
    api.put(configMap('comes'));
    api.compact();
    api.isHung = false;
    api.cut('close');
    await run.clock.advance(60_000);
    assert.deepEqual([...run.replica.keys()].sort(), ['default/comes', 'default/stays']);
    assert.equal(api.counts.watchList, 2);
    const text = await run.registry.metrics();
    assert.match(text, /reflector_lists_total\{cluster="model",resource="configmaps",mode="watch-list"\} 2/);
    await run.stop();
  });

  test('a silent watch is given up after the inactivity span; bookmarks keep it', async () => {
    const api = new ModelApi<ConfigMap>();
    const run = start(api, { inactivityMilliseconds: 90_000 });
    await run.clock.advance(60_000);
    api.bookmark();
    await run.clock.advance(60_000);
    api.bookmark();
    await run.clock.advance(60_000);
    assert.equal(api.counts.watch, 1);
    api.isHung = true;
    await run.clock.advance(95_000);
    assert.equal(api.counts.watch, 2);
    assert.match(await run.registry.metrics(), /restarts_total\{.*reason="inactive"\} 1/);
    await run.stop();
  });

  test('by default an idle watch outlives the minutes between the bookmarks of a healthy server', async () => {
    const api = new ModelApi<ConfigMap>();
    const run = start(api);
    await run.clock.advance(200_000);
    api.bookmark();
    await run.clock.advance(200_000);
    assert.equal(api.counts.watch, 1);
    await run.clock.advance(60_000);
    assert.equal(api.counts.watch, 2);
    await run.stop();
    assert.doesNotMatch(await run.registry.metrics(), /reflector_objects\{/, 'a stopped informer holds nothing');
  });

  test('waits as long as a throttling server asks', async () => {
    const api = new ModelApi<ConfigMap>();
    api.nextError = new ApiError('slow down', { status: 429, retryAfterSeconds: 7 });
    const run = start(api);
    await run.clock.advance(6_900);
    assert.equal(api.counts.watch, 1);
    await run.clock.advance(4_000);
    assert.equal(api.counts.watch, 2);
    await run.informer.synced();
    await run.stop();
  });

  for (const retryAfterSeconds of [0, 86_400]) {
    test(`keeps within bounds when a server says Retry-After: ${retryAfterSeconds}`, async () => {
      const api = new ModelApi<ConfigMap>();
      const run = start(api);
      await run.clock.advance(1);
      api.cut('reset');
      for (let second = 0; second < 300; second++) {
        api.nextError = new ApiError('no', { status: 503, retryAfterSeconds });
        await run.clock.advance(1_000);
      }
      const attempts = api.counts.watch;
      assert.ok(attempts >= 4 && attempts < 30, `${attempts} attempts in 300 s`);
      await run.stop();
    });
  }

  test('backs off while it is refused, and says why', async () => {
    const api = new ModelApi<ConfigMap>();
    const run = start(api);
    await run.clock.advance(1);
    api.cut('reset');
    for (let second = 0; second < 300; second++) {
      api.nextError = new ApiError('no', { status: 403, reason: 'Forbidden' });
      await run.clock.advance(1_000);
    }
    const attempts = api.counts.watch;
    assert.ok(attempts > 8 && attempts < 30, `${attempts} attempts in 300 s`);
    const warning = run.logger.lines.find((line) => line.level === 'warn');
    assert.equal((warning?.fields['err'] as Error | undefined)?.message, 'socket hang up');
    await run.stop();
  });

  test('lists again as a safety net', async () => {
    const api = new ModelApi<ConfigMap>();
    api.put(configMap('a'));
    const run = start(api, { relistMilliseconds: 600_000 });
    for (let minute = 0; minute < 30; minute++) {
      api.bookmark();
      await run.clock.advance(60_000);
      if (minute % 4 === 0) api.cut('close');
    }
    assert.ok(api.counts.watchList >= 3, `${api.counts.watchList} syncs in 30 minutes`);
    assert.equal(run.changes.length, 1, 'a sync that finds nothing new tells nobody');
    await run.stop();
  });

  test('a handler or projection that throws is logged and counted, and the stream goes on', async () => {
    const api = new ModelApi<ConfigMap>();
    const run = start(api, {
      project: (object) => {
        if (object.data?.['value'] === 'poison') throw new Error('cannot project');
        return object.data?.['value'] ?? '';
      },
    });
    run.informer.onChange((change) => {
      if (change.key === 'default/b') throw new Error('handler broke');
    });
    await run.clock.advance(1);
    for (const [name, value] of Object.entries({ a: 'poison', b: '2', c: '3' })) api.put(configMap(name, { value }));
    await run.clock.advance(1);
    assert.deepEqual(sorted(run.replica), { 'default/b': '2', 'default/c': '3' });
    assert.deepEqual(
      run.errors().map((line) => [line.fields['key'], (line.fields['err'] as Error).message]),
      [
        ['default/a', 'cannot project'],
        ['default/b', 'handler broke'],
      ],
    );
    assert.match(await run.registry.metrics(), /reflector_handler_errors_total\{.*\} 2/);
    await run.stop();
  });

  test('a late handler is told of what is there; a removed one of nothing', async () => {
    const api = new ModelApi<ConfigMap>();
    api.put(configMap('a', { value: '1' }));
    const run = start(api);
    await run.clock.advance(1);
    const late: string[] = [];
    const remove = run.informer.onChange((change) => late.push(`${change.type} ${change.key}`));
    remove();
    api.put(configMap('b'));
    await run.clock.advance(1);
    assert.deepEqual(late, ['Added default/a']);
    await run.stop();
  });

  test('last event age grows while the watch is down', async () => {
    const api = new ModelApi<ConfigMap>();
    const run = start(api);
    await run.clock.advance(1);
    api.isHung = true;
    await run.clock.advance(42_000);
    assert.match(await run.registry.metrics(), /last_event_age_seconds\{cluster="model",resource="configmaps"\} 42/);
    await run.stop();
    assert.doesNotMatch(await run.registry.metrics(), /last_event_age_seconds\{/);
  });

  test('property: under any order of changes, cuts, compactions, repeats and hangs the store converges', async () => {
    const name = fc.constantFrom('a', 'b', 'c', 'd');
    const command = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({ do: fc.constant('put' as const), name, value: fc.constantFrom('x', 'y', 'z') }),
      },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('remove' as const), name }) },
      {
        weight: 2,
        arbitrary: fc.record({
          do: fc.constant('cut' as const),
          kind: fc.constantFrom<Cut[]>('close', 'reset', 'gone', 'internal-error'),
        }),
      },
      fc.record({ do: fc.constant('compact' as const) }),
      fc.record({ do: fc.constant('bookmark' as const) }),
      fc.record({ do: fc.constant('hang' as const), on: fc.boolean() }),
      fc.record({ do: fc.constant('redeliver' as const), events: fc.nat(3) }),
      fc.record({ do: fc.constant('refuse' as const), status: fc.constantFrom(403, 410, 429, 500) }),
      {
        weight: 3,
        arbitrary: fc.record({
          do: fc.constant('advance' as const),
          milliseconds: fc.constantFrom(0, 1, 500, 5_000, 100_000),
        }),
      },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(command, { maxLength: 40 }),
        fc.constantFrom('auto' as const, 'pages' as const),
        fc.boolean(),
        async (commands, firstSync, supportsWatchList) => {
          const api = new ModelApi<ConfigMap>();
          api.supportsWatchList = supportsWatchList;
          const run = start(api, { firstSync, relistMilliseconds: 300_000, inactivityMilliseconds: 90_000 });
          for (const step of commands) {
            switch (step.do) {
              case 'put':
                api.put(configMap(step.name, { value: step.value }));
                break;
              case 'remove':
                api.remove(`default/${step.name}`);
                break;
              case 'cut':
                api.cut(step.kind);
                break;
              case 'compact':
                api.compact();
                break;
              case 'bookmark':
                api.bookmark();
                break;
              case 'hang':
                api.isHung = step.on;
                break;
              case 'redeliver':
                api.redeliver = step.events;
                break;
              case 'refuse':
                api.nextError = new ApiError('refused', { status: step.status });
                break;
              case 'advance':
                await run.clock.advance(step.milliseconds);
                break;
            }
          }
          // The faults end; what the informer has not heard of, its watchdog and the backoff bring.
          api.isHung = false;
          await run.clock.advance(200_000);
          assert.deepEqual(sorted(run.replica), expected(api));
          const stored = new Map([...run.informer.keys()].map((key) => [key, run.informer.get(key)!]));
          assert.deepEqual(sorted(stored), expected(api));
          for (const value of ['x', 'y', 'z']) {
            const indexed = run.informer.byIndex('byValue', value).length;
            assert.equal(indexed, Object.values(expected(api)).filter((item) => item === value).length);
          }
          assert.deepEqual(run.errors(), []);
          await run.stop();
        },
      ),
      { numRuns: 200 },
    );
  });
});
