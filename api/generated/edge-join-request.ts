// Generated from crds/isochrone.dev_edgejoinrequests.yaml by tools/generate. Do not edit.
import type { Condition, ObjectMeta, ResourceOf } from '../meta.ts';

/** What the administrator decides. */
export interface EdgeJoinRequestSpec {
  /** Name of the EdgeCluster that may join with the token. */
  clusterName: string;
  /** Until when the token counts. */
  expirationTime: string;
  /** Fingerprint of the public key that is accepted: SHA256 and the digest of its 32 bytes in base64. Set once. Only the holder of the private key can read the credential. */
  acceptedFingerprint?: string;
  /** The token is worth nothing any more. Default false. */
  revoked?: boolean;
  /** The spec of the EdgeCluster that "kubectl isochrone edge accept" creates when there is none. */
  cluster?: {
    /** As in an EdgeCluster. Default Edge. */
    class: 'Edge' | 'Trusted';
    /** The provider that is paid for the work of this cluster. */
    providerRef: {
      /** Name of a Provider. */
      name: string;
    };
    /** Location of the cluster. Placement by distance and by jurisdiction trusts it. */
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
  };
}

/** What the joiner asks, and what the operator answers. */
export interface EdgeJoinRequestStatus {
  /** The first joiner of the token. Set once. Nothing in it is proven; the administrator accepts it by the fingerprint of its key. */
  request?: {
    /** X25519 public key of the joiner, 32 bytes in base64. The credential is encrypted to it. */
    publicKey: string;
    /** The EdgeCluster that the joiner takes itself for. */
    clusterName: string;
    /** UID of the namespace isochrone-system of the member. */
    memberUID: string;
    /** Version of Kubernetes of the member. */
    kubernetesVersion: string;
  };
  /** A second joiner with another key. Set once. Somebody has the token who should not; before the acceptance it ends the token. */
  rival?: {
    /** X25519 public key of the joiner, 32 bytes in base64. The credential is encrypted to it. */
    publicKey: string;
    /** The EdgeCluster that the joiner takes itself for. */
    clusterName: string;
    /** UID of the namespace isochrone-system of the member. */
    memberUID: string;
    /** Version of Kubernetes of the member. */
    kubernetesVersion: string;
  };
  /** The credential of the member, encrypted to status.request.publicKey (docs/joining.md). Removed once the member uses it. */
  credential?: {
    /** X25519 public key that was made for this encryption, 32 bytes in base64. */
    ephemeralPublicKey: string;
    /** AES-256-GCM ciphertext and its tag of 16 bytes in base64. */
    ciphertext: string;
    /** When the token in it was issued. */
    issuedTime: string;
  };
  /** Conditions: Accepted, Joined. The operator writes them, and writes them again when anybody else did. */
  conditions?: Condition[];
}

/** EdgeJoinRequest is one join token and what became of it. Whoever holds the token may write status.request and status.rival, once each, and nothing else that counts. */
export interface EdgeJoinRequest {
  apiVersion: 'isochrone.dev/v1alpha1';
  kind: 'EdgeJoinRequest';
  metadata: ObjectMeta;
  spec: EdgeJoinRequestSpec;
  status?: EdgeJoinRequestStatus;
}

export const edgeJoinRequestResource: ResourceOf<EdgeJoinRequest> = {
  group: 'isochrone.dev',
  version: 'v1alpha1',
  kind: 'EdgeJoinRequest',
  plural: 'edgejoinrequests',
  namespaced: true,
};
