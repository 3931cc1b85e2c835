// Generated from crds/isochrone.dev_edgeclusters.yaml by tools/generate. Do not edit.
import type { Condition, ObjectMeta, ResourceOf } from '../meta.ts';

/** What the administrator accepts about the cluster. Nothing in it comes from the cluster itself. */
export interface EdgeClusterSpec {
  /** Edge: work is verified by sampling before it is paid. Trusted: run by the federation itself; it admits models, is the reference in disputes and takes no ordinary work. Default Edge. */
  class: 'Edge' | 'Trusted';
  /** The provider that is paid for the work of this cluster. */
  providerRef: {
    /** Name of a Provider. */
    name: string;
  };
  /** The credential of the cluster is revoked at once, no other is issued, and nothing is placed there. To lift it, have the cluster join anew: kubectl isochrone edge token create. Default false. */
  revoked?: boolean;
  /** Accepted location of the cluster. Placement by distance and by jurisdiction trusts it. */
  location: {
    /** Degrees north, from -90 to 90, for example "50.11". */
    latitude: string;
    /** Degrees east, from -180 to 180, for example "8.68". */
    longitude: string;
    /** ISO 3166-1 alpha-2 code of the jurisdiction, for example DE. */
    country: string;
    /** Name of the region, as in the label topology.kubernetes.io/region, for example eu-central. */
    region: string;
  };
  /** Whether new work stays away from every node of the cluster; what runs there goes on. See kubectl isochrone cordon. Default false. */
  unschedulable?: boolean;
}

/** What the operator observed. */
export interface EdgeClusterStatus {
  /** Generation of the spec that this status describes. */
  observedGeneration?: number;
  /** Namespace of the cluster on the hub. */
  namespace?: string;
  /** When the hub last saw the cluster renew its Lease by the clock of the hub. */
  lastContactTime?: string;
  /** Accepted nodes. */
  nodes?: {
    /** Nodes accepted. */
    total?: number;
    /** Nodes that are ready. */
    ready?: number;
  };
  /** The credential of the cluster on the hub. The operator rotates it. */
  credential?: {
    /** When the current token expires. */
    expirationTime?: string;
    /** When the current token was issued. */
    issuedTime?: string;
  };
  /** Conditions: Registered, CredentialValid, FlowControlled, EvictionHeld, Ready. */
  conditions?: Condition[];
}

/** EdgeCluster is a member of the federation. Whoever administers it can read every Secret in it, so it has exactly one provider. */
export interface EdgeCluster {
  apiVersion: 'isochrone.dev/v1alpha1';
  kind: 'EdgeCluster';
  metadata: ObjectMeta;
  spec: EdgeClusterSpec;
  status?: EdgeClusterStatus;
}

export const edgeClusterResource: ResourceOf<EdgeCluster> = {
  group: 'isochrone.dev',
  version: 'v1alpha1',
  kind: 'EdgeCluster',
  plural: 'edgeclusters',
  namespaced: false,
};
