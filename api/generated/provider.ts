// Generated from crds/isochrone.dev_providers.yaml by tools/generate. Do not edit.
import type { Condition, ObjectMeta, ResourceOf } from '../meta.ts';

/** What the administrator decides about the provider. */
export interface ProviderSpec {
  /** Name shown to people, for example a company or a person. */
  displayName: string;
  /** When true, nodes of this provider get no new work. Running work goes on and is paid. Default false. */
  suspended: boolean;
}

/** What the operator observed. */
export interface ProviderStatus {
  /** Generation of the spec that this status describes. */
  observedGeneration?: number;
  /** Earned and not paid out, in the currency of the federation, as a decimal. */
  balance?: string;
  /** Conditions: Active. */
  conditions?: Condition[];
}

/** Provider is who is paid for the work of the nodes in its edge clusters. */
export interface Provider {
  apiVersion: 'isochrone.dev/v1alpha1';
  kind: 'Provider';
  metadata: ObjectMeta;
  spec: ProviderSpec;
  status?: ProviderStatus;
}

export const providerResource: ResourceOf<Provider> = {
  group: 'isochrone.dev',
  version: 'v1alpha1',
  kind: 'Provider',
  plural: 'providers',
  namespaced: false,
};
