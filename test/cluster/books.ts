import assert from 'node:assert/strict';
import type { InferenceJob } from '@isochrone/api';
import { isConditionTrue } from '@isochrone/kube';
import { openLedger } from '@isochrone/ledger';
import { patiently, type Installation } from './installation.ts';
import { report } from './report.ts';

const namespace = 'vision';

export async function getJob({ hub }: Installation, name: string): Promise<InferenceJob> {
  return JSON.parse(await hub.kubectl(['get', 'inferencejob', name, '-n', namespace, '-o', 'json'])) as InferenceJob;
}

export async function completeShards(installation: Installation, name: string): Promise<number> {
  return (await getJob(installation, name)).status?.shards?.complete ?? 0;
}

/** Waits until the job is complete, and holds that each shard was paid, once, and that the books add up. */
export async function assertCompleteAndPaidOnce(installation: Installation, name: string): Promise<void> {
  const job = await patiently(
    async () => {
      const seen = await getJob(installation, name);
      const { conditions, message } = seen.status ?? {};
      assert.ok(!isConditionTrue(conditions, 'Failed'), message);
      return isConditionTrue(conditions, 'Complete') && seen;
    },
    `job ${name} is Complete`,
    180_000,
  ).catch(async (cause: unknown) => {
    throw new Error(`${String(cause)}\n${await report(installation, namespace, name)}`, { cause });
  });
  const { total = 0, complete } = job.status?.shards ?? {};
  assert.ok(total > 0);
  assert.equal(complete, total);
  const ledger = openLedger(installation.postgres.url, { now: Date.now });
  try {
    await patiently(async () => {
      const attempts = await ledger.attempts(job.metadata.uid ?? '');
      return attempts.every(({ state }) => state !== 'Held');
    }, 'nothing is on hold any more');
    const attempts = await ledger.attempts(job.metadata.uid ?? '');
    const paid = attempts.filter(({ purpose, state }) => purpose === 'Work' && state === 'Released');
    const indices = paid.map(({ shardIndex }) => shardIndex).sort((a, b) => a - b);
    assert.deepEqual(indices, [...Array(total).keys()]);
    await ledger.check();
  } finally {
    await ledger.close();
  }
}
