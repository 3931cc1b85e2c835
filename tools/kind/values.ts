import type { KindMember } from './topology.ts';

/** Values of charts/isochrone. @param server address of the hub's API server as the other clusters see it */
export function hubValues(tag: string, server: string): object {
  return { image: { tag }, operator: { edgeServer: server } };
}

export interface MemberValues {
  readonly tag: string;
  /** Only to join: afterwards the member has a credential. */
  readonly token?: string;
  /** Whether the hub's release holds the CRDs of this cluster. */
  readonly onHub: boolean;
}

/** Values of charts/isochrone-edge: agents on processors, with a state that outlives their Pods. */
export function memberValues({ name, price }: KindMember, { tag, token, onHub }: MemberValues): object {
  return {
    image: { tag },
    cluster: name,
    ...(token !== undefined && { token }),
    ...(onHub && { crds: { install: false } }),
    cpu: { enabled: true, price },
    // Of kind's provisioner, which reserves nothing.
    state: { persistentVolumeClaim: { agentSize: '5Gi', verifierSize: '1Gi' } },
    agent: { modelQuota: '4Gi' },
  };
}

/** What charts/isochrone-edge makes of those values, whose Pods are there when a member works. */
export const memberWorkloads: readonly string[] = ['deployment/isochrone-edge', 'statefulset/isochrone-agent-cpu'];
