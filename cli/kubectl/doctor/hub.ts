import { edgeNamespace, JOIN_NAMESPACE, names, SYSTEM_NAMESPACE } from '@isochrone/api';
import { findCondition, type Condition, type Lease } from '@isochrone/kube';
import { edgeTokenRefusals, edgeTokenRows, edgeTokenWaits } from '../edge-tokens.ts';
import { finding, type Finding, type FindingCode } from './findings.ts';
import { componentOf, nameOf, type Snapshot } from './snapshot.ts';

const skewMilliseconds = 30_000;

/** Who leads the hub, and whether only one does. */
export function checkLeader({ leases, pods, server, now, forbidden }: Snapshot): Finding[] {
  const homes = new Set(
    pods.filter((pod) => componentOf(pod) === 'operator').map(({ metadata }) => metadata.namespace ?? ''),
  );
  const two =
    homes.size > 1
      ? [finding('TwoHubs', server, `operators run in the namespaces ${[...homes].sort().join(', ')}`)]
      : [];
  if (forbidden.includes('leases')) return two;
  const lease = leases.find(
    ({ metadata }) => metadata.namespace === SYSTEM_NAMESPACE && metadata.name === names.operatorLease,
  );
  const ahead = leases.filter((one) => age(one, now) < -skewMilliseconds);
  return [
    ...two,
    ...ahead.map((one) => {
      const seconds = Math.round(-age(one, now) / 1000);
      return finding('ClockSkewed', nameOf('Lease', one), `it was renewed ${seconds} s in the future`);
    }),
    ...(lease === undefined || isStale(lease, now)
      ? [finding('NoLeader', `Lease ${SYSTEM_NAMESPACE}/${names.operatorLease}`, leaderMessage(lease, now))]
      : []),
  ];
}

/** Milliseconds since it was renewed; negative when that is to come. */
export function age({ spec }: Lease, now: number): number {
  return spec?.renewTime === undefined ? 0 : now - Date.parse(spec.renewTime);
}

export function isStale(lease: Lease, now: number): boolean {
  const { holderIdentity = '', leaseDurationSeconds = 0 } = lease.spec ?? {};
  return holderIdentity === '' || age(lease, now) > leaseDurationSeconds * 1000;
}

function leaderMessage(lease: Lease | undefined, now: number): string {
  if (lease === undefined) return 'it was never made';
  if ((lease.spec?.holderIdentity ?? '') === '') return 'nobody holds it';
  return `${lease.spec?.holderIdentity ?? ''} has not renewed it for ${Math.round(age(lease, now) / 1000)} s`;
}

export function checkMembers({ clusters, nodes, now }: Snapshot): Finding[] {
  return [
    ...clusters.flatMap((cluster): Finding[] => {
      const object = nameOf('EdgeCluster', cluster);
      const { conditions, credential } = cluster.status ?? {};
      const registered = findCondition(conditions, 'Registered');
      const valid = findCondition(conditions, 'CredentialValid');
      const ready = findCondition(conditions, 'Ready');
      const ends = Date.parse(credential?.expirationTime ?? '');
      if (registered?.status !== 'True')
        return [finding('MemberNotRegistered', object, told(registered, 'no operator has looked at it yet'))];
      // That nobody has joined is told by the contact that there never was.
      const isNew = valid?.reason === 'NotJoined' && ready?.reason === 'NeverSeen';
      const isLeftAlone = valid?.reason === 'IssueFailed' || valid?.reason === 'KeyUnknown';
      return [
        ...(isLeftAlone || (valid?.status === 'False' && !isNew)
          ? [finding('CredentialInvalid', object, told(valid))]
          : isLate(Date.parse(credential?.issuedTime ?? ''), ends, now)
            ? [finding('CredentialExpiring', object, `its token ends at ${credential?.expirationTime ?? ''}`)]
            : []),
        ...(ready?.status === 'True'
          ? []
          : [
              finding(
                ready?.reason === 'NeverSeen' ? 'MemberNeverSeen' : 'MemberUnreachable',
                object,
                `${told(ready, 'it was not judged yet')}; its namespace here is ${edgeNamespace(cluster.metadata.name)}`,
              ),
            ]),
      ];
    }),
    ...nodes.flatMap((node): Finding[] => {
      const object = nameOf('InferenceNode', node);
      const [ready, trusted] = ['Ready', 'Trusted'].map((type) => findCondition(node.status?.conditions, type));
      if (trusted?.status === 'False') return [finding('NodeUntrusted', object, told(trusted))];
      return ready?.status === 'True' ? [] : [finding('NodeNotReady', object, told(ready, 'it was not judged yet'))];
    }),
  ];
}

/** Whether a credential is in the last quarter of its life: it is rotated after two thirds. */
export function isLate(issued: number, ends: number, now: number): boolean {
  return now < ends && ends - now < (ends - issued) / 4;
}

/** Who asked to join and did not: the newest request of each cluster tells. */
export function checkJoins({ requests }: Snapshot): Finding[] {
  const seen = new Set<string>();
  return edgeTokenRows(requests).flatMap(({ name, cluster, state, message, fingerprint }) => {
    if (seen.has(cluster)) return [];
    seen.add(cluster);
    const code = edgeTokenWaits.has(state) ? 'JoinPending' : edgeTokenRefusals.has(state) ? 'JoinRefused' : undefined;
    const object = `EdgeJoinRequest ${JOIN_NAMESPACE}/${name}`;
    return code === undefined ? [] : [finding(code, object, `${cluster}, ${fingerprint}: ${message}`)];
  });
}

/** What users wait for. */
export function checkWork({ models, jobs, accounts }: Snapshot): Finding[] {
  const open = jobs.filter(({ status }) => status?.phase !== 'Complete' && status?.phase !== 'Failed');
  const reasons = (type: string, codes: Readonly<Record<string, FindingCode>>): Finding[] =>
    open.flatMap((job) => {
      const condition = findCondition(job.status?.conditions, type);
      const code = condition?.status === 'False' ? codes[condition.reason] : undefined;
      return code === undefined ? [] : [finding(code, nameOf('InferenceJob', job), told(condition))];
    });
  const poor = accounts.filter(
    ({ metadata, data }) =>
      data?.['balance'] !== undefined &&
      Number(data['balance']) <= 0 &&
      Number(data['held'] ?? 0) <= 0 &&
      open.some((job) => job.metadata.namespace === metadata.namespace),
  );
  return [
    ...models.flatMap((model) =>
      (model.status?.versions ?? []).flatMap(({ version, conditions }): Finding[] => {
        const object = `${nameOf('InferenceModel', model)} version ${version}`;
        const [admitted, approved] = ['Admitted', 'Approved'].map((type) => findCondition(conditions, type));
        if (admitted?.status === 'False') return [finding('ModelNotAdmitted', object, told(admitted))];
        return approved?.status === 'False' ? [finding('ModelNotApproved', object, told(approved))] : [];
      }),
    ),
    ...poor.map(({ metadata }) =>
      finding('AccountEmpty', `Namespace ${metadata.namespace ?? ''}`, 'its balance is 0, and it has open jobs'),
    ),
    ...reasons('Admitted', { SecretNotFound: 'StorageSecretMissing', SecretInvalid: 'StorageSecretMissing' }),
    ...reasons('Placed', {
      ...{ SchedulerUnavailable: 'SchedulerAway', InsufficientFunds: 'AccountEmpty', NoNodeFits: 'NoCapacity' },
    }),
  ];
}

function told(condition: Pick<Condition, 'reason' | 'message'> | undefined, otherwise = ''): string {
  return condition === undefined ? otherwise : `${condition.reason}: ${condition.message}`;
}
