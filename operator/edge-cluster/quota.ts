import { GROUP } from '@isochrone/api';
import { MAX_NODES_PER_CLUSTER } from '../node/reconcile.ts';

/**
 * What fits into the namespace of a member (docs/joining.md). Its rights let it create NodeReports only: twice as many as it
 * may have nodes, for those that come and go. The rest is a second line, should somebody widen its rights; tasks and Secrets
 * are the hub's own and have no limit here.
 */
export const edgeQuota: Readonly<Record<string, string>> = {
  [`count/nodereports.${GROUP}`]: String(2 * MAX_NODES_PER_CLUSTER),
  'count/configmaps': '16',
  'count/leases.coordination.k8s.io': '16',
  'count/serviceaccounts': '8',
  pods: '0',
  services: '0',
  persistentvolumeclaims: '0',
};
