import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiClient, ConfigMap } from '@isochrone/kube';
import { openSamplingKeys } from './sampling-keys.ts';

const epochSeconds = 3600;
const start = Date.parse('2026-11-01T00:00:00Z');
const atEpoch = (epoch: number): number => start + (epoch - 1) * epochSeconds * 1000;

/** A hub that holds the one ConfigMap. */
function hub(): ApiClient {
  let stored: ConfigMap | undefined;
  const client = {
    find: async () => Promise.resolve(stored),
    create: async (_: unknown, object: ConfigMap) => Promise.resolve((stored = object)),
    mergePatch: async (_: unknown, __: unknown, { data }: ConfigMap) =>
      Promise.resolve((stored = { ...stored!, data: { ...stored!.data, ...data } })),
  };
  return client as unknown as ApiClient;
}

test('a clock that was set back draws with no key that is public, also after a restart', async () => {
  const client = hub();
  const open = (now: number) => openSamplingKeys(client, 'isochrone', new Uint8Array(32), epochSeconds, now);
  const keys = await open(start);
  await keys.reveal(atEpoch(11));
  const unpublished = keys.key(atEpoch(10));
  assert.deepEqual(keys.key(atEpoch(3)), unpublished);
  assert.deepEqual((await open(start)).key(atEpoch(3)), unpublished);
});
