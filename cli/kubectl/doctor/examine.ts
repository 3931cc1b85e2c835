import { checkDefinitions, checkServer } from './cluster.ts';
import { checkEdge, withoutEchoes } from './edge.ts';
import type { Finding } from './findings.ts';
import { checkJoins, checkLeader, checkMembers, checkWork } from './hub.ts';
import { checkMonitoring } from './monitoring.ts';
import { checkCertificates, checkPrograms, checkRights } from './programs.ts';
import { isMember, type Snapshot } from './snapshot.ts';

/** Everything that is wrong with an installation, errors first. @param edge whether it is a member; found out when not given */
export function examine(snapshot: Snapshot, edge: boolean = isMember(snapshot)): Finding[] {
  const all = [
    ...checkServer(snapshot),
    ...checkDefinitions(snapshot, edge),
    ...checkPrograms(snapshot),
    ...checkRights(snapshot),
    ...checkCertificates(snapshot),
    ...checkMonitoring(snapshot),
    ...(snapshot.unreachable !== undefined
      ? []
      : edge
        ? checkEdge(snapshot)
        : [...checkLeader(snapshot), ...checkMembers(snapshot), ...checkJoins(snapshot), ...checkWork(snapshot)]),
  ];
  const findings = edge ? withoutEchoes(all) : all;
  return [
    ...findings.filter(({ severity }) => severity === 'error'),
    ...findings.filter(({ severity }) => severity === 'warning'),
  ];
}
