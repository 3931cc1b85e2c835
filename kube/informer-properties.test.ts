import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ConfigMap } from './core.ts';
import { ApiError } from './errors.ts';
import { configMap, expected, sorted, start } from './informer-fixture.ts';
import type { WatchEvent } from './requests.ts';
import { isOlder } from './resource-version.ts';
import { ModelApi, type Cut } from './model-api.ts';

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

/** What a proxy does to the events of each batch. */
const transmissions: Record<string, () => (events: WatchEvent<ConfigMap>[]) => WatchEvent<ConfigMap>[]> = {
  faithfully: () => (events) => events,
  twice: () => (events) => [...events, ...events],
  backwards: () => (events) => events.toReversed(),
  'with one kept back': () => {
    const kept: WatchEvent<ConfigMap>[] = [];
    return (events) => {
      kept.push(...events);
      return kept.splice(0, Math.max(1, kept.length - 1));
    };
  },
  'with one again later': () => {
    let earlier: WatchEvent<ConfigMap>[] = [];
    return (events) => {
      const sent = [...events, ...earlier];
      earlier = events.slice(0, 1);
      return sent;
    };
  },
};

test('property: whatever order events come in, no object goes back, and a server restored from a backup is noticed', async () => {
  const name = fc.constantFrom('a', 'b', 'c');
  const command = fc.oneof(
    { weight: 5, arbitrary: fc.record({ do: fc.constant('put' as const), name, value: fc.constantFrom('x', 'y') }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('remove' as const), name }) },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('transmit' as const),
        how: fc.constantFrom(...Object.keys(transmissions)),
      }),
    },
    fc.record({ do: fc.constant('cut' as const), kind: fc.constantFrom<Cut[]>('close', 'reset', 'gone') }),
    fc.record({ do: fc.constant('back up' as const) }),
    fc.record({ do: fc.constant('restore' as const) }),
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constant('advance' as const), milliseconds: fc.constantFrom(0, 500, 60_000) }),
    },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(command, { maxLength: 40 }), async (commands) => {
      const api = new ModelApi<ConfigMap>();
      let restore: (() => void) | undefined;
      /** The last version of each object that handlers saw, of the present time line. */
      const seen = new Map<string, string>();
      // An event that was kept back when its watch was cut leaves no trace: only the safety sync finds it.
      const loses = commands.some((step) => step.do === 'transmit' && step.how === 'with one kept back');
      const run = start(api, {
        relistMilliseconds: loses ? 3_600_000 : 0,
        // The version that a handler is shown; `start` checks that additions, updates and deletions fit together.
        project: (object) => `${object.metadata.resourceVersion!}=${object.data?.['value'] ?? ''}`,
        indexes: {},
      });
      run.informer.onChange((change) => {
        const { key } = change;
        if (change.type === 'Deleted') return;
        const [version] = change.current.split('=') as [string];
        assert.ok(!isOlder(version, seen.get(key)), `${key} went from ${seen.get(key)} back to ${version}`);
        seen.set(key, version);
      });
      for (const step of commands) {
        switch (step.do) {
          case 'put':
            api.put(configMap(step.name, { value: step.value }));
            break;
          case 'remove':
            api.remove(`default/${step.name}`);
            break;
          case 'transmit':
            api.transmit = transmissions[step.how]!();
            break;
          case 'cut':
            api.cut(step.kind);
            break;
          case 'back up':
            restore = api.backUp();
            break;
          case 'restore':
            restore?.();
            if (restore !== undefined) seen.clear();
            // The informer looks before the restored server has made up for what was lost.
            await run.clock.advance(60_000);
            break;
          case 'advance':
            await run.clock.advance(step.milliseconds);
            break;
        }
      }
      api.transmit = transmissions['faithfully']!();
      await run.clock.advance(loses ? 4_000_000 : 300_000);
      const present = [...api.objects].map(([key, { metadata, data }]): [string, string] => [
        key,
        `${metadata.resourceVersion!}=${data?.['value'] ?? ''}`,
      ]);
      assert.deepEqual(sorted(run.replica), Object.fromEntries(present.sort()));
      assert.deepEqual(run.errors(), []);
      assert.ok(api.counts.watch < 100 + 2 * commands.length, `${api.counts.watch} watches: a loop`);
      await run.stop();
    }),
    { numRuns: 200 },
  );
});
