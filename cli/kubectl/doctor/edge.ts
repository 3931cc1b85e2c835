import { names, SYSTEM_NAMESPACE } from '@isochrone/api';
import { parseQuantity } from '@isochrone/kube';
import { finding, type Finding } from './findings.ts';
import { age, isStale } from './hub.ts';
import { nameOf, type Snapshot } from './snapshot.ts';

/** Where the edge operator keeps its credential for the hub. */
const hubSecret = 'isochrone-hub';
const gpuResource = 'nvidia.com/gpu';

/** What only a member has: contact with its hub, agents, GPUs. */
export function checkEdge(snapshot: Snapshot): Finding[] {
  const { secrets, leases, pods, machines, nodes, server, now, forbidden, unreachable } = snapshot;
  if (unreachable !== undefined) return [];
  const findings: Finding[] = [];
  if (!forbidden.includes('secrets') && !secrets.some(({ metadata }) => metadata.name === hubSecret)) {
    const object = `Secret ${SYSTEM_NAMESPACE}/${hubSecret}`;
    findings.push(finding('HubCredentialMissing', object, 'it is not there: the member has not joined'));
  }
  const grant = leases.find(({ metadata }) => metadata.name === names.grantLease);
  if (!forbidden.includes('leases') && (grant === undefined || isStale(grant, now))) {
    const since =
      grant === undefined ? 'the hub was never reached' : `no contact for ${Math.round(age(grant, now) / 1000)} s`;
    findings.push(finding('HubUnreachable', `Lease ${SYSTEM_NAMESPACE}/${names.grantLease}`, since));
  }
  const agents = pods.filter(({ metadata }) => metadata.labels?.['app.kubernetes.io/component'] === 'agent');
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
