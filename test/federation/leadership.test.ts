import assert from 'node:assert/strict';
import { test } from 'node:test';
import { edgeClusterResource, names, SYSTEM_NAMESPACE } from '@isochrone/api';
import { core, isConditionTrue } from '@isochrone/kube';
import { eventually } from '../harness/index.ts';
import { withFederation } from './federation.ts';
import { createProvider, edgeCluster } from './member.ts';

const federation = await withFederation();
const { admin } = federation;
const operator = await federation.startOperator();
const ref = { namespace: SYSTEM_NAMESPACE, name: names.operatorLease };

async function registered(cluster: string): Promise<void> {
  await admin.create(edgeClusterResource, edgeCluster(cluster));
  await eventually(
    async () => {
      const { status } = await admin.get(edgeClusterResource, { name: cluster });
      return isConditionTrue(status?.conditions, 'Registered');
    },
    { describe: `${cluster} is registered` },
  );
}

test('an operator that lost its lease leads again when it can, in the same process', async () => {
  await createProvider(admin, 'alpha');
  await registered('before');

  // When another takes the lease, and the operator has seen it
  const stolen = await admin.get(core.leases, ref);
  const holder = stolen.spec?.holderIdentity;
  await eventually(async () => {
    const lease = await admin.get(core.leases, ref);
    return admin.replace(core.leases, { ...lease, spec: { ...lease.spec, holderIdentity: 'thief' } });
  });
  await eventually(async () => {
    const status = await operator.registry.getSingleMetric('leader_election_master_status')!.get();
    assert.equal(status.values[0]?.value, 0);
    return true;
  });
  assert.ok(!(await operator.registry.metrics()).includes('isochrone_jobs{'), 'a standby counts no jobs');

  // And lets it go
  const lease = await admin.get(core.leases, ref);
  await admin.replace(core.leases, { ...lease, spec: { ...lease.spec, holderIdentity: '' } });

  // Then it works as before
  await registered('after');
  assert.equal((await admin.get(core.leases, ref)).spec?.holderIdentity, holder);
  assert.ok((await operator.registry.metrics()).includes('isochrone_jobs{phase="Running"} 0'));
});
