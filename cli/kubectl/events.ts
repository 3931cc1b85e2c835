import { edgeNamespace, GROUP } from '@isochrone/api';
import type { Event } from '@isochrone/kube';
import { age } from '../output.ts';
import type { View } from '../view.ts';
import { jobName } from './connection.ts';
import { parseTarget } from './targets.ts';

/** Whose events are asked for. */
export interface EventScope {
  /** Absent: every namespace. */
  readonly namespace?: string;
  readonly isWanted: (event: Event) => boolean;
}

/**
 * Takes `job/NAME` in the namespace, `node/NODE`, `node/CLUSTER/NODE` and `edge/CLUSTER`, which is the member and
 * everything in its namespace.
 * @param target none: everything of Isochrone in the namespace
 * @throws CliError USAGE
 */
export function eventScope(target: string | undefined, namespace: string | undefined): EventScope {
  const inNamespace = namespace === undefined ? {} : { namespace };
  if (target === undefined) return { ...inNamespace, isWanted: isOurs };
  if (/^(edge|ec|edgecluster|node|infn|inferencenode)/.test(target) && target.includes('/')) {
    const { kind, cluster, name } = parseTarget(target);
    if (kind === 'Cluster') {
      return {
        isWanted: (event) =>
          isOurs(event) && (event.metadata.namespace === edgeNamespace(name) || isAbout(event, 'EdgeCluster', name)),
      };
    }
    return {
      ...(cluster === undefined ? {} : { namespace: edgeNamespace(cluster) }),
      isWanted: (event) => isAbout(event, 'InferenceNode', name),
    };
  }
  const name = jobName(target);
  return { ...inNamespace, isWanted: (event) => isAbout(event, 'InferenceJob', name) };
}

function isOurs({ regarding }: Event): boolean {
  return regarding?.apiVersion?.startsWith(`${GROUP}/`) === true;
}

function isAbout(event: Event, kind: string, name: string): boolean {
  return isOurs(event) && event.regarding?.kind === kind && event.regarding.name === name;
}

export interface EventRow {
  readonly name: string;
  readonly namespace: string;
  /** When it was seen last, RFC 3339. */
  readonly time: string;
  readonly count: number;
  readonly type: string;
  readonly reason: string;
  readonly object: string;
  readonly note: string;
  readonly reportingController: string;
}

/** The wanted ones, the latest last, as kubectl events has them. */
export function eventRows(events: readonly Event[], { isWanted }: EventScope): EventRow[] {
  return events
    .filter(isWanted)
    .map(({ metadata, eventTime, series, type, reason, regarding, note = '', reportingController }) => ({
      name: metadata.name ?? '',
      namespace: metadata.namespace ?? '',
      time: series?.lastObservedTime ?? eventTime,
      count: series?.count ?? 1,
      ...{ type, reason, note, reportingController },
      object: `${regarding?.kind ?? ''}/${regarding?.name ?? ''}`,
    }))
    .sort((one, other) => Date.parse(one.time) - Date.parse(other.time) || one.name.localeCompare(other.name));
}

export const eventView: View<EventRow> = {
  key: ({ namespace, name }) => `${namespace}/${name}`,
  name: ({ name }) => `event.events.k8s.io/${name}`,
  empty: 'No events found. Kubernetes keeps them for an hour by default.',
  columns: [
    { head: 'NAMESPACE', cell: ({ namespace }) => namespace, wide: true },
    {
      head: 'LAST SEEN',
      cell: ({ time, count }, now) => `${age(now - Date.parse(time))}${count > 1 ? ` (x${count})` : ''}`,
    },
    { head: 'TYPE', cell: ({ type }) => type, tone: ({ type }) => (type === 'Normal' ? undefined : 'doubtful') },
    { head: 'REASON', cell: ({ reason }) => reason },
    { head: 'OBJECT', cell: ({ object }) => object },
    { head: 'FROM', cell: ({ reportingController }) => reportingController, wide: true },
    { head: 'MESSAGE', cell: ({ note }) => note },
  ],
};
