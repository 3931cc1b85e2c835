import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ConfigMap } from './core.ts';
import { ApiError } from './errors.ts';
import { configMap, expected, sorted, start } from './informer-fixture.ts';
import { ModelApi } from './model-api.ts';

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
    assert.deepEqual(api.counts, { list: 0, check: 0, watch: 1, watchList: 1 });
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
    assert.deepEqual(api.counts, { list: 3, check: 0, watch: 2, watchList: 1 });
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
    assert.deepEqual(api.counts, { list: 0, check: 2, watch: 3, watchList: 1 });
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
      const attempts = api.counts.watch + api.counts.check;
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
      api.nextError = new ApiError('no', { status: 500, reason: 'InternalError' });
      await run.clock.advance(1_000);
    }
    const attempts = api.counts.watch + api.counts.check;
    assert.ok(attempts > 8 && attempts < 30, `${attempts} attempts in 300 s`);
    const warning = run.logger.lines.find((line) => line.level === 'warn');
    assert.equal((warning?.fields['err'] as Error | undefined)?.message, 'socket hang up');
    await run.stop();
  });

  test('events that repeat or come late change nothing; one that leaves open what there is leads to a sync', async () => {
    const api = new ModelApi<ConfigMap>();
    const run = start(api);
    await run.clock.advance(1);
    api.transmit = (events) => [...events, ...events];
    api.put(configMap('a', { value: '1' }));
    await run.clock.advance(1);
    api.transmit = (events) => events.toReversed();
    api.put(configMap('a', { value: '2' }));
    api.put(configMap('a', { value: '3' }));
    await run.clock.advance(1);
    assert.deepEqual(
      run.changes.map((change) => change.type !== 'Deleted' && change.current),
      ['1', '3'],
    );
    assert.equal(api.counts.watchList, 1);
    api.put(configMap('b'));
    api.remove('default/b');
    await run.clock.advance(5_000);
    assert.deepEqual(sorted(run.replica), expected(api));
    assert.equal(api.counts.watchList, 2);
    const text = await run.registry.metrics();
    for (const verdict of ['repeated', 'outdated', 'unclear']) {
      assert.match(text, new RegExp(`out_of_order_total\\{.*verdict="${verdict}"\\} 1`));
    }
    assert.match(text, /restarts_total\{.*reason="disorder"\} 1/);
    const warnings = run.logger.lines.filter(({ level }) => level === 'warn').map(({ message }) => message);
    assert.deepEqual(warnings, ['event out of order', 'events came out of order; everything is synced anew']);
    await run.stop();
  });

  test('a server restored from an older backup is noticed on reconnecting, though it keeps silent', async () => {
    const api = new ModelApi<ConfigMap>();
    api.put(configMap('a', { value: 'old' }));
    const restore = api.backUp();
    const run = start(api, { relistMilliseconds: 0 });
    await run.clock.advance(1);
    // The version that is written before the restoration is written again after it, with other contents.
    api.put(configMap('a', { value: 'lost' }));
    api.put(configMap('b'));
    await run.clock.advance(1);
    restore();
    await run.clock.advance(60_000);
    assert.deepEqual(sorted(run.replica), expected(api));
    api.put(configMap('a', { value: 'new' }));
    await run.clock.advance(1);
    assert.deepEqual(sorted(run.replica), expected(api));
    assert.match(await run.registry.metrics(), /restarts_total\{.*reason="rewound"\} 1/);
    const warning = run.logger.lines.find(({ fields }) => fields['reason'] === 'rewound');
    assert.equal(warning?.level, 'warn');
    await run.stop();
  });

  test('who may watch and not list goes on without asking how old the server is', async () => {
    const api = new ModelApi<ConfigMap>();
    const run = start(api);
    await run.clock.advance(1);
    api.list = () => Promise.reject(new ApiError('no', { status: 403, reason: 'Forbidden' }));
    api.cut('reset');
    api.put(configMap('a'));
    await run.clock.advance(5_000);
    assert.deepEqual(sorted(run.replica), expected(api));
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
});
