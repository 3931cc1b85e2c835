import { X509Certificate } from 'node:crypto';
import { finding, type Finding } from './findings.ts';
import { nameOf, type ObservedPod, type Snapshot } from './snapshot.ts';

const imageReasons = new Set(['ImagePullBackOff', 'ErrImagePull', 'InvalidImageName', 'ErrImageNeverPull']);

export function checkPrograms(snapshot: Snapshot): Finding[] {
  const { pods, server, unreachable, forbidden } = snapshot;
  if (unreachable !== undefined || forbidden.includes('pods')) return [];
  if (pods.length === 0)
    return [finding('NotInstalled', server, 'no Pod has the label app.kubernetes.io/part-of=isochrone')];
  return [...pods.flatMap((pod) => checkPod(snapshot, pod)), ...checkVolumes(snapshot)];
}

function checkPod(snapshot: Snapshot, pod: ObservedPod): Finding[] {
  const { phase, conditions = [], containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
  if (phase === 'Succeeded' || pod.metadata.deletionTimestamp !== undefined) return [];
  const object = nameOf('Pod', pod);
  const scheduled = conditions.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.status === 'False') {
    const message = scheduled.message ?? '';
    const isGPU = /Insufficient nvidia\.com\/gpu/.test(message);
    return [finding(isGPU ? 'GPUPluginMissing' : 'PodUnschedulable', object, message)];
  }
  const statuses = [...initContainerStatuses, ...containerStatuses];
  const found = statuses.flatMap(({ name, image = '', state, lastState }): Finding[] => {
    const { reason = '', message = reason } = state?.waiting ?? {};
    if (imageReasons.has(reason)) return [finding('ImageMissing', object, `${image}: ${message}`)];
    if (reason !== 'CrashLoopBackOff') return [];
    const { exitCode = 0, message: last = '' } = lastState?.terminated ?? {};
    return [told(pod, `container ${name} ended with ${exitCode}: ${last}`, 'CrashLooping')];
  });
  const ready = conditions.find(({ type }) => type === 'Ready');
  if (found.length > 0 || ready === undefined || ready.status === 'True') return found;
  return [told(pod, reasonOf(snapshot, pod) ?? ready.message ?? ready.reason ?? 'it is not ready', 'PodNotReady')];
}

/** What a program says is named for what it means. */
function told(pod: ObservedPod, message: string, otherwise: 'CrashLooping' | 'PodNotReady'): Finding {
  const object = nameOf('Pod', pod);
  const { 'app.kubernetes.io/component': component } = pod.metadata.labels ?? {};
  if (/HUB_CREDENTIAL_INVALID|its user may not read the Secret/.test(message))
    return finding('WrongHub', object, message);
  if (component === 'operator' && /ledger|PostgreSQL|LEDGER_/.test(message))
    return finding('LedgerAway', object, message);
  if (component === 'operator' && /SCHEDULER_UNAVAILABLE/.test(message))
    return finding('SchedulerAway', object, message);
  return finding(otherwise, object, message);
}

/** The last thing that was told of the Pod: a probe that failed carries what /readyz said. */
function reasonOf({ events }: Snapshot, { metadata }: ObservedPod): string | undefined {
  const its = events.filter(({ regarding, type }) => regarding?.uid === metadata.uid && type === 'Warning');
  return its.toSorted((a, b) => timeOf(a).localeCompare(timeOf(b))).at(-1)?.note;
}

function timeOf(event: Snapshot['events'][number]): string {
  return event.series?.lastObservedTime ?? event.eventTime ?? event.metadata.creationTimestamp ?? '';
}

const isDefault = 'storageclass.kubernetes.io/is-default-class';

function checkVolumes({ claims, storageClasses }: Snapshot): Finding[] {
  return claims
    .filter(({ status }) => status?.phase === 'Pending')
    .map((claim) => {
      const wanted = claim.spec?.storageClassName;
      const exists = storageClasses.some(({ metadata }) =>
        wanted === undefined ? metadata.annotations?.[isDefault] === 'true' : metadata.name === wanted,
      );
      const object = nameOf('PersistentVolumeClaim', claim);
      if (exists) return finding('VolumePending', object, 'it waits for its volume');
      const what = wanted === undefined ? 'there is no default StorageClass' : `there is no StorageClass ${wanted}`;
      return finding('NoStorageClass', object, what);
    });
}

const weekMilliseconds = 7 * 86_400_000;

export function checkCertificates({ secrets, now }: Snapshot): Finding[] {
  return secrets
    .filter(({ type }) => type === 'kubernetes.io/tls')
    .flatMap((secret) => {
      const object = nameOf('Secret', secret);
      try {
        const { validToDate } = new X509Certificate(Buffer.from(secret.data?.['tls.crt'] ?? '', 'base64'));
        if (validToDate.getTime() - now > weekMilliseconds) return [];
        return [finding('CertificateExpiring', object, `tls.crt is valid until ${validToDate.toISOString()}`)];
      } catch (error) {
        return [finding('CertificateExpiring', object, `tls.crt cannot be read: ${(error as Error).message}`)];
      }
    });
}

export function checkMonitoring({ crds, server, unreachable, forbidden }: Snapshot): Finding[] {
  if (unreachable !== undefined || forbidden.includes('customresourcedefinitions')) return [];
  if (crds.some(({ spec }) => spec.names.plural === 'servicemonitors')) return [];
  return [finding('NoPrometheusOperator', server, 'there is no servicemonitors.monitoring.coreos.com')];
}
