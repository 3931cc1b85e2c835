import { GROUP } from '@isochrone/api';
import { MAX_NODES_PER_CLUSTER } from '../node/reconcile.ts';

const reports = `count/nodereports.${GROUP}`;

/** Limits, as in `spec.hard` of a ResourceQuota. */
export type Limits = Readonly<Record<string, string>>;

/**
 * kube-controller-manager looks for new kinds every 30 s. A limit on a kind that it does not know yet forbids every creation,
 * until its next full look at all quotas minutes later.
 */
const kindKnownMilliseconds = 60_000;

/** Whether reports are to be limited, or are already. @param age milliseconds for which the kind is surely there */
export function limitsReports(actual: Limits | undefined, age: number): boolean {
  return actual?.[reports] !== undefined || age >= kindKnownMilliseconds;
}

/**
 * What fits into the namespace of a member (docs/joining.md). Its rights let it create NodeReports only: twice as many as it
 * may have nodes, for those that come and go. The rest is a second line, should somebody widen its rights; tasks and Secrets
 * are the hub's own and have no limit here.
 */
export function edgeQuota(withReports: boolean): Limits {
  return {
    ...(withReports ? { [reports]: String(2 * MAX_NODES_PER_CLUSTER) } : {}),
    'count/configmaps': '16',
    'count/leases.coordination.k8s.io': '16',
    'count/serviceaccounts': '8',
    pods: '0',
    services: '0',
    persistentvolumeclaims: '0',
  };
}
