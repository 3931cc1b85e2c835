import { gzipSync } from 'node:zlib';
import { schemaFields } from '@isochrone/api';
import type { CustomResourceDefinition, Lease, Secret } from '@isochrone/kube';
import type { ObservedPod, Snapshot } from './snapshot.ts';

export const now = Date.parse('2026-11-01T12:00:00Z');
export const at = (seconds: number): string => new Date(now + seconds * 1000).toISOString();

interface Schema {
  properties?: Record<string, Schema>;
}

export function crd(plural: string, fields: readonly string[] = schemaFields[plural] ?? []): CustomResourceDefinition {
  const schema: Schema = {};
  for (const field of fields) {
    let inside = schema;
    for (const name of field.split('.')) inside = (inside.properties ??= {})[name] ??= {};
  }
  return {
    metadata: { name: `${plural}.isochrone.dev` },
    spec: {
      group: 'isochrone.dev',
      scope: 'Namespaced',
      names: { plural, kind: plural },
      versions: [{ name: 'v1alpha1', served: true, storage: true, schema: { openAPIV3Schema: schema } }],
    },
    status: { conditions: [{ type: 'Established', status: 'True' }] },
  };
}

export function pod(component: string, status: ObservedPod['status'], namespace = 'isochrone-system'): ObservedPod {
  return {
    metadata: { name: component, namespace, uid: component, labels: { 'app.kubernetes.io/component': component } },
    status: status ?? {},
  };
}

export const ready = { conditions: [{ type: 'Ready', status: 'True' }] };
export const unready = { conditions: [{ type: 'Ready', status: 'False', message: 'containers with unready status' }] };
export const lease = (name: string, renewed: number, holderIdentity = 'operator-0'): Lease => ({
  metadata: { namespace: 'isochrone-system', name },
  spec: { holderIdentity, leaseDurationSeconds: 15, renewTime: at(renewed) },
});
export const condition = (type: string, status: string, reason: string, message = 'why') => ({
  type,
  status,
  reason,
  message,
});
export const warning = (uid: string, note: string) => ({
  metadata: {},
  ...{ eventTime: at(-5), type: 'Warning', reason: 'Unhealthy', note, regarding: { uid } },
});
export const waiting = (reason: string, last = '') => ({
  containerStatuses: [
    {
      name: 'main',
      image: 'registry.local/isochrone/control-plane:0.1.0',
      state: { waiting: { reason, message: 'back-off' } },
      lastState: { terminated: { exitCode: 3, message: last } },
    },
  ],
});
export const member = (...conditions: object[]) => [
  {
    metadata: { name: 'alpha' },
    spec: {},
    status: { conditions: [condition('Registered', 'True', 'Registered'), ...conditions] },
  },
];
export const job = (phase: string, ...conditions: object[]) => [
  { metadata: { name: 'j', namespace: 'vision' }, spec: {}, status: { phase, conditions } },
];

const base64 = (text: string | Buffer): string => Buffer.from(text).toString('base64');
/** @param times when it was issued and when it ends, in seconds from now */
export function tokenOf(...[issued, ends]: [number, number]): string {
  const claims = {
    iat: now / 1000 + issued,
    exp: now / 1000 + ends,
    'kubernetes.io': { serviceaccount: { uid: 'u' } },
  };
  return `head.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.signature`;
}
export function hubSecret({ token = '', fingerprint }: { token?: string; fingerprint?: string }): Secret[] {
  const annotations = fingerprint === undefined ? {} : { 'isochrone.dev/fingerprint': fingerprint };
  return [
    { metadata: { namespace: 'isochrone-system', name: 'isochrone-hub', annotations }, data: { token: base64(token) } },
  ];
}
/** As Helm keeps it. */
export function release(manifest: string, status = 'deployed', chart = 'isochrone'): Secret {
  const json = { name: 'r', namespace: 'isochrone-system', manifest, chart: { metadata: { name: chart } } };
  const data = { release: base64(base64(gzipSync(JSON.stringify(json)))) };
  return { metadata: { name: 'sh.helm.release.v1.r.v1', labels: { status } }, type: 'helm.sh/release.v1', data };
}
export const monitored = release('---\nkind: ServiceMonitor\nmetadata: {}\n');
export const joinRequest = (name: string, created: number, outcome?: string) => ({
  metadata: {
    ...{ name, namespace: 'isochrone-join', creationTimestamp: at(created) },
    ...(outcome && { annotations: { 'isochrone.dev/join-outcome': outcome } }),
  },
  spec: { clusterName: 'alpha', expirationTime: at(600) },
  status: { conditions: [condition('Accepted', 'False', 'WaitingForAcceptance')] },
});
export const says = (component: string, readyz: string): Partial<Snapshot> => ({
  pods: [pod(component, unready), ...(component === 'edge' ? [pod('agent', ready)] : [])],
  readiness: { [component]: readyz },
});

/** A hub in which nothing is wrong. */
export const well: Snapshot = {
  now,
  server: 'https://hub',
  version: { major: '1', minor: '34', gitVersion: 'v1.34.1' },
  crds: [...Object.keys(schemaFields).map((plural) => crd(plural)), crd('servicemonitors')],
  pods: [pod('operator', ready), pod('scheduler', ready)],
  leases: [lease('isochrone-operator', -2)],
  ...{ forbidden: [], claims: [], storageClasses: [], events: [], secrets: [], accounts: [], machines: [] },
  ...{ readiness: {}, lacking: [], requests: [], clusters: [], nodes: [], models: [], jobs: [] },
};
/** A member in which nothing is wrong. */
export const memberWell: Snapshot = {
  ...well,
  crds: [crd('inferencetasks'), crd('inferencenodes'), crd('servicemonitors')],
  pods: [pod('edge', ready), pod('agent', ready)],
  leases: [lease('isochrone-grant', -2)],
  secrets: hubSecret({ token: tokenOf(-3600, 7200) }),
};

export const without = (plural: string): CustomResourceDefinition[] =>
  well.crds.filter(({ spec }) => spec.names.plural !== plural);
