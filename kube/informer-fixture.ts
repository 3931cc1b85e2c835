import assert from 'node:assert/strict';
import { Registry } from 'prom-client';
import type { ApiClient } from './client.ts';
import { core, type ConfigMap } from './core.ts';
import { FakeClock } from './fake-clock.ts';
import { Informer, type Change, type InformerOptions } from './informer.ts';
import { Metrics } from './metrics.ts';
import type { ModelApi } from './model-api.ts';
import { RecordingLogger } from './recording-logger.ts';

export function configMap(name: string, data: Record<string, string> = {}, namespace = 'default'): ConfigMap {
  return { metadata: { namespace, name }, data };
}

/** An informer of a model, running on a fake clock, and a replica built from nothing but its changes. */
export function start(api: ModelApi<ConfigMap>, options: Partial<InformerOptions<ConfigMap, string>> = {}) {
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

/** What the server holds. */
export function expected(api: ModelApi<ConfigMap>): Record<string, string> {
  return Object.fromEntries(
    [...api.objects].map(([key, object]): [string, string] => [key, object.data?.['value'] ?? '']).sort(),
  );
}

export function sorted(map: ReadonlyMap<string, string>): Record<string, string> {
  return Object.fromEntries([...map].sort());
}
