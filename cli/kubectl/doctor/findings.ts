/** What can be wrong: code → what it means and what mends it. docs/troubleshooting.md has a section for each. */
export const findingTable = {
  ServerUnreachable: ['error', 'The API server does not answer.', 'Check --kubeconfig, --context and the network.'],
  KubernetesTooOld: ['error', 'Kubernetes is older than 1.34.', 'Upgrade the cluster.'],
  PermissionMissing: [
    'warning',
    'The caller may not read this, so it was not checked.',
    'Run it as an administrator, or grant list on what is named.',
  ],
  RightMissing: [
    'error',
    'The ServiceAccount of a program lacks a right that it works by.',
    'Upgrade the chart: it brings the roles; where they are made by hand, compare them with its files/rbac.',
  ],
  ClockSkewed: [
    'error',
    'Two clocks differ by more than 30 s.',
    'Run NTP on the machine that is ahead, and on this one.',
  ],
  CRDMissing: [
    'error',
    'A CustomResourceDefinition is not there.',
    'Install the chart with crds.install=true, or apply crds/.',
  ],
  CRDNotEstablished: [
    'error',
    'The API server does not serve a CustomResourceDefinition.',
    'The message names why; remove what conflicts with its names.',
  ],
  CRDOlder: [
    'error',
    'A CustomResourceDefinition is older than this program.',
    'Upgrade the chart, or apply the crds/ of this version.',
  ],
  NotInstalled: [
    'error',
    'No program of Isochrone runs here.',
    'helm install isochrone charts/isochrone -n isochrone-system',
  ],
  ImageMissing: [
    'error',
    'An image cannot be pulled.',
    'Correct image.registry and image.tag, push the image, or set imagePullSecrets.',
  ],
  CrashLooping: [
    'error',
    'A program ends again and again.',
    'The message is its last word: kubectl logs --previous has the rest.',
  ],
  PodUnschedulable: [
    'error',
    'No machine takes a Pod.',
    'Add what the message says is insufficient, or lower the requests.',
  ],
  PodNotReady: ['error', 'A program runs and is not ready.', 'The message is what its /readyz says; mend that.'],
  WatchStale: [
    'error',
    'A program has not seen all that it decides by, or no longer sees it.',
    'The message names what it waits for; mend the network to the API server, and the rights of the program.',
  ],
  NoStorageClass: [
    'error',
    'A volume waits for a StorageClass that is not there.',
    'Set ledger.sqlite.storageClassName, or create a default StorageClass.',
  ],
  VolumePending: ['error', 'A volume is not bound.', 'See why: kubectl describe persistentvolumeclaim.'],
  LedgerAway: [
    'error',
    'The operator cannot use its ledger.',
    'Start PostgreSQL, or correct the URL in the Secret of ledger.postgresql.existingSecret.',
  ],
  LedgerCorrupt: [
    'error',
    'The books do not add up, so nothing is decided or paid.',
    'Restore a backup (docs/backup.md), and keep the damaged books.',
  ],
  SchedulerAway: [
    'error',
    'The operator cannot reach the scheduler.',
    'See that the scheduler is ready, and that its certificates are of one authority.',
  ],
  NoLeader: [
    'error',
    'No operator leads the hub.',
    'Start the operator; when it runs, its /readyz and log tell what it waits for.',
  ],
  TwoHubs: ['error', 'Two hubs are installed in one cluster.', 'Uninstall one: both would work on the same objects.'],
  MemberNotRegistered: [
    'error',
    'A member is not registered.',
    'The message names the field; correct the EdgeCluster.',
  ],
  MemberNeverSeen: [
    'error',
    'No edge operator ever reached the hub as this member.',
    'Install isochrone-edge there; if it runs, it may point at another hub: compare its token.',
  ],
  MemberUnreachable: [
    'error',
    'A member has not renewed its Lease in time.',
    'Run kubectl isochrone doctor on the member.',
  ],
  CredentialInvalid: [
    'error',
    'The credential of a member is over, revoked, or cannot be issued.',
    'Mend what the condition names; if it is over, let the member join again.',
  ],
  CredentialExpiring: [
    'warning',
    'The credential of a member ends soon and was not rotated in time.',
    'See that the operator leads and that the member reaches the hub; their logs tell why.',
  ],
  JoinPending: [
    'warning',
    'A cluster has asked to join, and is not accepted.',
    'Compare the fingerprint with the one on the member, then on the hub: kubectl isochrone edge accept CLUSTER.',
  ],
  JoinRefused: [
    'warning',
    'A cluster was refused when it asked to join.',
    'Find out who asked; then make another token: kubectl isochrone edge token create CLUSTER.',
  ],
  NodeNotReady: ['warning', 'A node takes no work.', 'The message tells why.'],
  NodeUntrusted: [
    'warning',
    'A node is quarantined.',
    'Look at the evidence in the message; once it is explained: kubectl isochrone trust NODE.',
  ],
  ModelNotAdmitted: ['warning', 'A version of a model is not admitted.', 'The message tells what it waits for.'],
  ModelNotApproved: [
    'warning',
    'The cost of a model is not approved.',
    'Set referenceNanosecondsPerRecord of the version to what was proposed.',
  ],
  AccountEmpty: ['warning', 'A namespace has open jobs and no money.', 'isochrone ledger deposit NAMESPACE AMOUNT'],
  NoCapacity: [
    'warning',
    'No node takes the work of a job.',
    'kubectl isochrone why JOB tells what each node lacks; add nodes, or change the job.',
  ],
  StorageSecretMissing: [
    'error',
    'Storage credentials are missing or incomplete.',
    'Create the Secret that the message names, with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.',
  ],
  NoPrometheusOperator: [
    'warning',
    'A release has objects of the Prometheus Operator, and its kinds are not there.',
    'Install the Prometheus Operator, or set metrics.serviceMonitor.enabled and metrics.prometheusRule.enabled to false.',
  ],
  CertificateExpiring: [
    'error',
    'A certificate is over, or ends within a week.',
    'Renew it: helm upgrade for the built-in authority, else see cert-manager.',
  ],
  HubCredentialMissing: [
    'error',
    'The member has no credential for the hub.',
    'Join it: kubectl isochrone edge token create on the hub, then helm upgrade with the token.',
  ],
  WrongHub: [
    'error',
    'The edge operator points at a hub that does not take what it shows.',
    'Make a token for this cluster on the right hub, and join again.',
  ],
  HubUnreachable: [
    'error',
    'The edge operator has not renewed its contact with the hub.',
    'See the log of the edge operator; check the network to the hub.',
  ],
  GPUsWithoutAgent: [
    'warning',
    'A machine has GPUs and no agent.',
    'Add its node class to nodeClasses of the edge chart.',
  ],
  GPUPluginMissing: [
    'error',
    'Agents ask for GPUs that no machine offers.',
    'Install the NVIDIA device plug-in, or use cpu.enabled for a trial.',
  ],
  AgentMissing: ['error', 'The member has no agent.', 'Set nodeClasses, dra.enabled or cpu.enabled of the edge chart.'],
} as const satisfies Record<string, readonly ['error' | 'warning', string, string]>;

export type FindingCode = keyof typeof findingTable;

export interface Finding {
  readonly code: FindingCode;
  readonly severity: 'error' | 'warning';
  /** `Kind namespace/name`; the server for what is of the whole cluster. */
  readonly object: string;
  readonly message: string;
  readonly remedy: string;
}

export function finding(code: FindingCode, object: string, message: string): Finding {
  const [severity, , remedy] = findingTable[code];
  return { code, severity, object, message, remedy };
}
