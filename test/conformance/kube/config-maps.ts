import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { type ApiClient, core, Informer, type ConfigMap, type InformerOptions } from '@isochrone/kube';
import { eventually } from '@isochrone/test/harness';
import type { Observed } from './network.ts';

export const namespace = 'default';

/** Writes a ConfigMap of this test. */
export function put(client: ApiClient, test: string, name: string, value: string): Promise<ConfigMap> {
  return client.apply(core.configMaps, {
    metadata: { namespace, name: `${test}-${name}`, labels: { test } },
    data: { value },
  });
}

export function remove(client: ApiClient, test: string, name: string): Promise<boolean> {
  return client.delete(core.configMaps, { namespace, name: `${test}-${name}` });
}

/** What the server holds of this test. */
export async function stored(client: ApiClient, test: string): Promise<Record<string, string>> {
  const list = await client.list(core.configMaps, { namespace, labelSelector: `test=${test}` });
  return Object.fromEntries(list.items.map((one) => [`${namespace}/${one.metadata.name!}`, one.data?.['value'] ?? '']));
}

/** Runs an informer of this test's ConfigMaps, and a replica built from nothing but its changes, which must fit together. */
export function follow(
  t: TestContext,
  { client, logger, metrics }: Observed,
  test: string,
  options: Partial<InformerOptions<ConfigMap, string>> = {},
) {
  const informer = new Informer<ConfigMap, string>({
    client,
    resource: core.configMaps,
    namespace,
    labelSelector: `test=${test}`,
    project: (object) => object.data?.['value'] ?? '',
    logger,
    metrics,
    ...options,
  });
  const replica = new Map<string, string>();
  informer.onChange((change) => {
    assert.equal(replica.get(change.key), 'previous' in change ? change.previous : undefined, change.key);
    if (change.type === 'Deleted') replica.delete(change.key);
    else replica.set(change.key, change.current);
  });
  const stop = new AbortController();
  const running = informer.run(stop.signal);
  t.after(async () => {
    stop.abort();
    await running;
    const thrown = logger.lines.filter(({ level }) => level === 'error');
    assert.deepEqual(thrown, [], 'no change handler threw');
  });
  return { informer, replica };
}

/** Waits until the replica holds what the server holds now. */
export async function converges(client: ApiClient, test: string, replica: ReadonlyMap<string, string>): Promise<void> {
  const expected = await stored(client, test);
  await eventually(() => (assert.deepEqual(Object.fromEntries([...replica].sort()), expected), true), {
    timeout: 20_000,
  });
}
