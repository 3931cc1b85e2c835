import { X509Certificate } from 'node:crypto';
import { SYSTEM_NAMESPACE } from '@isochrone/api';
import { finding, type Finding, type FindingCode } from './findings.ts';
import { componentOf, nameOf, type ObservedPod, type Snapshot } from './snapshot.ts';

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
    const { exitCode = 0, message: log = '' } = lastState?.terminated ?? {};
    return [told(pod, `container ${name} ended with ${exitCode}: ${lastWord(log)}`, 'CrashLooping')];
  });
  const ready = conditions.find(({ type }) => type === 'Ready');
  if (found.length > 0 || ready === undefined || ready.status === 'True') return found;
  return [told(pod, reasonOf(snapshot, pod) ?? ready.message ?? ready.reason ?? 'it is not ready', 'PodNotReady')];
}

/** What the programs say, in the end or at /readyz, and what it means. The first row that matches decides. */
const meanings: readonly (readonly [component: string, said: RegExp, code: FindingCode])[] = [
  ['edge', /waiting for the hub to accept/, 'JoinPending'],
  [
    'edge',
    /HUB_CREDENTIAL_INVALID|credential of EdgeCluster|(ClusterMismatch|WrongCertificateAuthority): /,
    'WrongHub',
  ],
  ['edge', /(TokenRefused|CredentialRefused): /, 'WrongHub'],
  ['edge', /(HubUnreachable|HubFailed): |renewal/, 'HubUnreachable'],
  ['edge', /JOIN_TOKEN_INVALID|join token|sync failed: \w+: /, 'HubCredentialMissing'],
  ['operator', /breaks the rule/, 'LedgerCorrupt'],
  ['operator', /ledger|PostgreSQL|LEDGER_/, 'LedgerAway'],
];
const watches = /not synced|waiting for the first list|API server has not answered/;

function told(pod: ObservedPod, message: string, otherwise: 'CrashLooping' | 'PodNotReady'): Finding {
  const component = componentOf(pod);
  const [, , meant] = meanings.find(([program, said]) => program === component && said.test(message)) ?? [];
  return finding(meant ?? (watches.test(message) ? 'WatchStale' : otherwise), nameOf('Pod', pod), message);
}

/** A program tells at its end, by its log, in plain text or as JSON. */
function lastWord(log: string): string {
  const line = log.trim().split('\n').at(-1) ?? '';
  try {
    const { msg, err } = JSON.parse(line) as { msg?: string; err?: { message?: string } };
    return [msg, err?.message].filter((part) => part !== undefined).join(': ') || line;
  } catch {
    return line;
  }
}

/** What it says of itself, else what the kubelet told last. */
function reasonOf({ events, readiness }: Snapshot, { metadata }: ObservedPod): string | undefined {
  const said = readiness[metadata.uid ?? ''];
  if (said !== undefined) return said;
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

export function checkRights({ lacking }: Snapshot): Finding[] {
  return lacking.map(({ account, right }) =>
    finding('RightMissing', `ServiceAccount ${SYSTEM_NAMESPACE}/${account}`, `it may not ${right}`),
  );
}
