import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { edgeClusterResource, edgeNamespace, names } from '@isochrone/api';
import { core, findCondition, formatMicroTime } from '@isochrone/kube';
import { eventually } from '../harness/index.ts';
import { withFederation } from './federation.ts';
import { createProvider, edgeCluster } from './member.ts';

const TERM = 3;
const members = ['a', 'b', 'c', 'd', 'e', 'f'];
const federation = await withFederation();
const { admin } = federation;
const operator = await federation.startOperator({ edgeLeaseSeconds: String(TERM) });
await createProvider(admin, 'alpha');
for (const name of members) await admin.create(edgeClusterResource, edgeCluster(name));

/** Those whose edge operators renew, played here: all that the hub sees of them is the Lease. */
const alive = new Set(members);
const renewing = setInterval(() => {
  for (const name of alive) {
    const ref = { namespace: edgeNamespace(name), name: names.edgeLease };
    const spec = { holderIdentity: name, renewTime: formatMicroTime(Date.now()) };
    admin.mergePatch(core.leases, ref, { spec }).catch(() => undefined); // not registered yet
  }
}, 300);
after(() => clearInterval(renewing));

async function conditionOf(name: string, type: string) {
  const { status } = await admin.get(edgeClusterResource, { name });
  return findCondition(status?.conditions, type);
}

const areIn = (clusters: readonly string[], type: string, reason: string) =>
  eventually(
    async () => {
      for (const name of clusters) assert.equal((await conditionOf(name, type))?.reason, reason, name);
      return true;
    },
    { timeout: 40_000, describe: `${clusters.join()} are ${type} ${reason}` },
  );

async function heldGauge(): Promise<number | undefined> {
  const gauge = await operator.registry.getSingleMetric('isochrone_evictions_held')!.get();
  return gauge.values[0]?.value;
}

async function brakeEvents(reason: string): Promise<Set<string | undefined>> {
  const { items } = await admin.list(core.events);
  return new Set(items.filter((event) => event.reason === reason).map(({ regarding }) => regarding?.name));
}

test('when four of six members vanish at once, their work is held, and it is told', { timeout: 120_000 }, async () => {
  await areIn(members, 'Ready', 'LeaseRenewed');
  assert.equal(await heldGauge(), 0);
  for (const name of ['c', 'd', 'e', 'f']) alive.delete(name);
  await areIn(['c', 'd', 'e', 'f'], 'Ready', 'Unreachable');
  await areIn(['c', 'd', 'e', 'f'], 'EvictionHeld', 'LargeOutage');
  const { message = '' } = (await conditionOf('c', 'EvictionHeld')) ?? {};
  assert.match(message, /^4 of 6 members are unreachable at once.* until \d{4}-.*edge leave --force/);
  await areIn(['a', 'b'], 'EvictionHeld', 'NotHeld');
  assert.equal(await heldGauge(), 1);
  await eventually(async () => (await brakeEvents('EvictionHeld')).size === 4);
});

test(
  'the brake is off when one of them comes back, and work of the others goes elsewhere',
  { timeout: 120_000 },
  async () => {
    alive.add('f');
    await areIn(['f'], 'Ready', 'LeaseRenewed');
    await areIn(members, 'EvictionHeld', 'NotHeld');
    assert.equal((await conditionOf('c', 'Ready'))?.reason, 'Unreachable');
    assert.equal(await heldGauge(), 0);
    await eventually(async () => (await brakeEvents('EvictionReleased')).size === 4);
  },
);
