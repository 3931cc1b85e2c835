import { checkDefinitions, checkServer } from './cluster.ts';
import { checkEdge } from './edge.ts';
import type { Finding } from './findings.ts';
import { checkLeader, checkMembers, checkWork } from './hub.ts';
import { checkCertificates, checkMonitoring, checkPrograms } from './programs.ts';
import { isMember, type Snapshot } from './snapshot.ts';

/** Everything that is wrong with an installation, errors first. @param edge whether it is a member; found out when not given */
export function examine(snapshot: Snapshot, edge: boolean = isMember(snapshot)): Finding[] {
  const findings = [
    ...checkServer(snapshot),
    ...checkDefinitions(snapshot, edge),
    ...checkPrograms(snapshot),
    ...checkCertificates(snapshot),
    ...checkMonitoring(snapshot),
    ...(snapshot.unreachable !== undefined
      ? []
      : edge
        ? checkEdge(snapshot)
        : [...checkLeader(snapshot), ...checkMembers(snapshot), ...checkWork(snapshot)]),
  ];
  return [
    ...findings.filter(({ severity }) => severity === 'error'),
    ...findings.filter(({ severity }) => severity === 'warning'),
  ];
}
