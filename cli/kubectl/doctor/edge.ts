import { annotations, names, SYSTEM_NAMESPACE } from '@isochrone/api';
import { parseQuantity, type Secret } from '@isochrone/kube';
import { tokenClaims } from '@isochrone/operator/join';
import { finding, type Finding, type FindingCode } from './findings.ts';
import { age, isLate, isStale } from './hub.ts';
import { componentOf, nameOf, type Snapshot } from './snapshot.ts';

const gpuResource = 'nvidia.com/gpu';

/** What only a member has: contact with its hub, agents, GPUs. */
export function checkEdge(snapshot: Snapshot): Finding[] {
  const { secrets, leases, pods, machines, nodes, server, now, forbidden, unreachable } = snapshot;
  if (unreachable !== undefined) return [];
  const findings: Finding[] = [];
  if (!forbidden.includes('secrets')) {
    const secret = secrets.find(
      ({ metadata }) => metadata.namespace === SYSTEM_NAMESPACE && metadata.name === names.hubCredential,
    );
    findings.push(...checkCredential(secret, now));
  }
  const grant = leases.find(({ metadata }) => metadata.name === names.grantLease);
  if (!forbidden.includes('leases') && (grant === undefined || isStale(grant, now))) {
    const since =
      grant === undefined ? 'the hub was never reached' : `no contact for ${Math.round(age(grant, now) / 1000)} s`;
    findings.push(finding('HubUnreachable', `Lease ${SYSTEM_NAMESPACE}/${names.grantLease}`, since));
  }
  const agents = pods.filter((pod) => componentOf(pod) === 'agent');
  if (!forbidden.includes('pods') && agents.length === 0)
    findings.push(finding('AgentMissing', server, 'no Pod has the label app.kubernetes.io/component=agent'));
  const withAgent = new Set(nodes.map(({ metadata }) => metadata.name));
  for (const machine of machines) {
    const gpus = parseQuantity(machine.status?.allocatable?.[gpuResource] ?? '0') ?? 0;
    if (gpus > 0 && !withAgent.has(machine.metadata.name ?? ''))
      findings.push(finding('GPUsWithoutAgent', nameOf('Node', machine), `it offers ${gpus} ${gpuResource}`));
  }
  return findings;
}

function checkCredential(secret: Secret | undefined, now: number): Finding[] {
  const object = `Secret ${SYSTEM_NAMESPACE}/${names.hubCredential}`;
  if (secret === undefined)
    return [finding('HubCredentialMissing', object, 'it is not there: the member has not joined')];
  const token = Buffer.from(secret.data?.['token'] ?? '', 'base64').toString('utf8');
  const fingerprint = secret.metadata.annotations?.[annotations.fingerprint];
  if (token === '' && fingerprint !== undefined)
    return [finding('JoinPending', object, `its key ${fingerprint} is not accepted`)];
  const { issuedAt, expiresAt } = tokenClaims(token) ?? { issuedAt: 0, expiresAt: 0 };
  if (expiresAt === 0) return [finding('HubCredentialMissing', object, 'it has no token that can be read')];
  const ends = new Date(expiresAt).toISOString();
  if (now >= expiresAt) return [finding('HubCredentialMissing', object, `its token ended at ${ends}`)];
  return isLate(issuedAt, expiresAt, now) ? [finding('CredentialExpiring', object, `its token ends at ${ends}`)] : [];
}

const contactCodes: readonly FindingCode[] = ['WrongHub', 'HubCredentialMissing', 'JoinPending', 'HubUnreachable'];

/** Of what tells one broken contact, only the first: what a program says before what its Secret and its Lease look like. */
export function withoutEchoes(findings: readonly Finding[]): Finding[] {
  const cause = findings.find(({ code }) => contactCodes.includes(code));
  return findings.filter((one) => one === cause || !contactCodes.includes(one.code));
}
