import { annotations, labels, type InferenceTask } from '@isochrone/api';
import type { KubeObject, Secret } from '@isochrone/kube';

/** Value of the label `isochrone.dev/origin` on everything that came from the hub. */
export const HUB = 'hub';

/** UID of the hub object that this is a copy of. Undefined for a stranger, which is never changed or deleted. */
export function originOf({ metadata }: KubeObject): string | undefined {
  return metadata.labels?.[labels.origin] === HUB ? metadata.annotations?.[annotations.originUID] : undefined;
}

function copiedMetadata(hub: KubeObject, namespace: string) {
  const { name = '', uid = '' } = hub.metadata;
  return {
    name,
    namespace,
    labels: { [labels.origin]: HUB },
    annotations: { [annotations.originUID]: uid },
  };
}

export function copyOfTask(hub: InferenceTask, namespace: string): InferenceTask {
  const { apiVersion, kind, spec } = hub;
  return { apiVersion, kind, metadata: copiedMetadata(hub, namespace), spec };
}

export function copyOfSecret(hub: Secret, namespace: string): Secret & { metadata: { name: string } } {
  const { type, data } = hub;
  return {
    metadata: copiedMetadata(hub, namespace),
    ...(type === undefined ? {} : { type }),
    ...(data === undefined ? {} : { data }),
  };
}
