import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { schemaFields } from '@isochrone/api';
import type { CustomResourceDefinition, Lease } from '@isochrone/kube';
import { findingsText } from './command.ts';
import { examine } from './examine.ts';
import { findingTable, type FindingCode } from './findings.ts';
import type { ObservedPod, Snapshot } from './snapshot.ts';

const now = Date.parse('2026-11-01T12:00:00Z');
const at = (seconds: number): string => new Date(now + seconds * 1000).toISOString();

interface Schema {
  properties?: Record<string, Schema>;
}

function crd(plural: string, fields: readonly string[] = schemaFields[plural] ?? []): CustomResourceDefinition {
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

function pod(component: string, status: ObservedPod['status'], namespace = 'isochrone-system'): ObservedPod {
  return {
    metadata: { name: component, namespace, uid: component, labels: { 'app.kubernetes.io/component': component } },
    status: status ?? {},
  };
}

const ready = { conditions: [{ type: 'Ready', status: 'True' }] };
const unready = { conditions: [{ type: 'Ready', status: 'False', message: 'containers with unready status' }] };
const lease = (name: string, renewed: number, holderIdentity = 'operator-0'): Lease => ({
  metadata: { namespace: 'isochrone-system', name },
  spec: { holderIdentity, leaseDurationSeconds: 15, renewTime: at(renewed) },
});
const condition = (type: string, status: string, reason: string, message = 'why') => ({
  type,
  status,
  reason,
  message,
});
const warning = (uid: string, note: string) => ({
  metadata: {},
  ...{ eventTime: at(-5), type: 'Warning', reason: 'Unhealthy', note, regarding: { uid } },
});
const waiting = (reason: string, last = '') => ({
  containerStatuses: [
    {
      name: 'main',
      image: 'registry.local/isochrone/control-plane:0.1.0',
      state: { waiting: { reason, message: 'back-off' } },
      lastState: { terminated: { exitCode: 3, message: last } },
    },
  ],
});
const member = (...conditions: object[]) => [
  {
    metadata: { name: 'alpha' },
    spec: {},
    status: { conditions: [condition('Registered', 'True', 'Registered'), ...conditions] },
  },
];
const job = (phase: string, ...conditions: object[]) => [
  { metadata: { name: 'j', namespace: 'vision' }, spec: {}, status: { phase, conditions } },
];

/** A hub in which nothing is wrong. */
const well: Snapshot = {
  now,
  server: 'https://hub',
  version: { major: '1', minor: '34', gitVersion: 'v1.34.1' },
  crds: [...Object.keys(schemaFields).map((plural) => crd(plural)), crd('servicemonitors')],
  pods: [pod('operator', ready), pod('scheduler', ready)],
  leases: [lease('isochrone-operator', -2)],
  ...{ forbidden: [], claims: [], storageClasses: [], events: [], secrets: [], accounts: [], machines: [] },
  ...{ clusters: [], nodes: [], models: [], jobs: [] },
};
/** A member in which nothing is wrong. */
const memberWell: Snapshot = {
  ...well,
  crds: [crd('inferencetasks'), crd('inferencenodes'), crd('servicemonitors')],
  pods: [pod('edge', ready), pod('agent', ready)],
  leases: [lease('isochrone-grant', -2)],
  secrets: [{ metadata: { namespace: 'isochrone-system', name: 'isochrone-hub' } }],
};

const without = (plural: string): CustomResourceDefinition[] =>
  well.crds.filter(({ spec }) => spec.names.plural !== plural);

type Row = readonly [FindingCode, Partial<Record<keyof Snapshot, unknown>>, RegExp];
const onHub: readonly Row[] = [
  ['ServerUnreachable', { unreachable: 'connect ECONNREFUSED' }, /ECONNREFUSED/],
  ['KubernetesTooOld', { version: { major: '1', minor: '30+', gitVersion: 'v1.30.2' } }, /v1\.30\.2; 1\.34/],
  ['PermissionMissing', { forbidden: ['nodes'] }, /may not list nodes/],
  ['ClockSkewed', { leases: [lease('isochrone-operator', 90)] }, /90 s in the future/],
  ['CRDMissing', { crds: without('providers') }, /no providers\.isochrone\.dev/],
  [
    'CRDNotEstablished',
    {
      crds: [
        ...without('providers'),
        { ...crd('providers'), status: { conditions: [condition('NamesAccepted', 'False', 'x', 'in use')] } },
      ],
    },
    /in use/,
  ],
  [
    'CRDOlder',
    {
      crds: [
        ...without('inferencejobs'),
        crd(
          'inferencejobs',
          schemaFields['inferencejobs']!.filter((field) => field !== 'status.uid'),
        ),
      ],
    },
    /no status\.uid$/,
  ],
  ['NotInstalled', { pods: [] }, /part-of=isochrone/],
  ['ImageMissing', { pods: [pod('operator', waiting('ImagePullBackOff'))] }, /control-plane:0\.1\.0: back-off/],
  [
    'CrashLooping',
    { pods: [pod('scheduler', waiting('CrashLoopBackOff', 'OPTION_INVALID'))] },
    /ended with 3: OPTION_INVALID/,
  ],
  ['LedgerAway', { pods: [pod('operator', waiting('CrashLoopBackOff', 'LEDGER_UNAVAILABLE'))] }, /LEDGER_UNAVAILABLE/],
  [
    'LedgerAway',
    { pods: [pod('operator', unready)], events: [warning('operator', 'PostgreSQL at db cannot be used now')] },
    /PostgreSQL at db/,
  ],
  [
    'PodNotReady',
    { pods: [pod('scheduler', unready)], events: [warning('scheduler', 'nodes are not synced')] },
    /not synced/,
  ],
  [
    'PodUnschedulable',
    {
      pods: [
        pod('operator', { conditions: [{ type: 'PodScheduled', status: 'False', message: '0/1: Insufficient cpu' }] }),
      ],
    },
    /Insufficient cpu/,
  ],
  [
    'NoStorageClass',
    { claims: [{ metadata: { name: 'ledger' }, status: { phase: 'Pending' } }] },
    /no default StorageClass/,
  ],
  [
    'NoStorageClass',
    { claims: [{ metadata: { name: 'ledger' }, spec: { storageClassName: 'fast' }, status: { phase: 'Pending' } }] },
    /no StorageClass fast/,
  ],
  [
    'VolumePending',
    {
      claims: [{ metadata: { name: 'ledger' }, spec: { storageClassName: 'fast' }, status: { phase: 'Pending' } }],
      storageClasses: [{ metadata: { name: 'fast' } }],
    },
    /waits/,
  ],
  [
    'SchedulerAway',
    { jobs: job('Pending', condition('Placed', 'False', 'SchedulerUnavailable')) },
    /SchedulerUnavailable/,
  ],
  ['NoLeader', { leases: [] }, /never made/],
  ['NoLeader', { leases: [lease('isochrone-operator', -60)] }, /not renewed it for 60 s/],
  ['NoLeader', { leases: [lease('isochrone-operator', -1, '')] }, /nobody holds it/],
  ['TwoHubs', { pods: [pod('operator', ready), pod('operator', ready, 'other')] }, /isochrone-system, other/],
  [
    'MemberNotRegistered',
    {
      clusters: [
        {
          metadata: { name: 'alpha' },
          spec: {},
          status: { conditions: [condition('Registered', 'False', 'ProviderNotFound')] },
        },
      ],
    },
    /ProviderNotFound/,
  ],
  ['MemberNeverSeen', { clusters: member(condition('Ready', 'Unknown', 'NeverSeen')) }, /edge-alpha/],
  ['MemberUnreachable', { clusters: member(condition('Ready', 'Unknown', 'Unreachable')) }, /Unreachable/],
  [
    'CredentialInvalid',
    { clusters: member(condition('Ready', 'True', 'LeaseRenewed'), condition('CredentialValid', 'False', 'Expired')) },
    /Expired/,
  ],
  [
    'CredentialExpiring',
    {
      clusters: [
        {
          ...member(condition('Ready', 'True', 'LeaseRenewed'))[0]!,
          status: {
            conditions: [condition('Registered', 'True', 'Registered'), condition('Ready', 'True', 'LeaseRenewed')],
            credential: { issuedTime: at(-86_000), expirationTime: at(400) },
          },
        },
      ],
    },
    /ends at 2026-11-01T12:06/,
  ],
  [
    'NodeUntrusted',
    { nodes: [{ metadata: { name: 'n' }, status: { conditions: [condition('Trusted', 'False', 'Quarantined')] } }] },
    /Quarantined/,
  ],
  [
    'NodeNotReady',
    { nodes: [{ metadata: { name: 'n' }, status: { conditions: [condition('Ready', 'False', 'AgentNotReady')] } }] },
    /AgentNotReady/,
  ],
  [
    'ModelNotAdmitted',
    {
      models: [
        {
          metadata: { name: 'm' },
          status: { versions: [{ version: '1', conditions: [condition('Admitted', 'False', 'NoTrustedNode')] }] },
        },
      ],
    },
    /NoTrustedNode/,
  ],
  [
    'ModelNotApproved',
    {
      models: [
        {
          metadata: { name: 'm' },
          status: {
            versions: [{ version: '1', conditions: [condition('Approved', 'False', 'ReferenceCostMissing')] }],
          },
        },
      ],
    },
    /ReferenceCostMissing/,
  ],
  [
    'AccountEmpty',
    {
      jobs: job('Running'),
      accounts: [
        { metadata: { namespace: 'vision', name: 'isochrone-account' }, data: { balance: '0.00', held: '0.00' } },
      ],
    },
    /balance is 0/,
  ],
  [
    'StorageSecretMissing',
    { jobs: job('Pending', condition('Admitted', 'False', 'SecretNotFound')) },
    /SecretNotFound/,
  ],
  ['NoPrometheusOperator', { crds: without('servicemonitors') }, /servicemonitors/],
  [
    'CertificateExpiring',
    { secrets: [{ metadata: { name: 'tls' }, type: 'kubernetes.io/tls', data: { 'tls.crt': 'eA==' } }] },
    /cannot be read/,
  ],
];
const onMember: readonly Row[] = [
  ['HubCredentialMissing', { secrets: [] }, /has not joined/],
  ['HubUnreachable', { leases: [lease('isochrone-grant', -100)] }, /no contact for 100 s/],
  [
    'WrongHub',
    {
      pods: [
        pod('edge', waiting('CrashLoopBackOff', 'HUB_CREDENTIAL_INVALID: is it the kubeconfig of this cluster?')),
        pod('agent', ready),
      ],
    },
    /kubeconfig of this cluster/,
  ],
  ['AgentMissing', { pods: [pod('edge', ready)] }, /component=agent/],
  [
    'GPUsWithoutAgent',
    { machines: [{ metadata: { name: 'gpu-1' }, status: { allocatable: { 'nvidia.com/gpu': '8' } } }] },
    /8 nvidia/,
  ],
  [
    'GPUPluginMissing',
    {
      pods: [
        pod('agent', {
          conditions: [{ type: 'PodScheduled', status: 'False', message: '0/1: Insufficient nvidia.com/gpu' }],
        }),
      ],
    },
    /Insufficient nvidia/,
  ],
];

describe('examine', () => {
  test('finds nothing where nothing is wrong', () => {
    assert.deepEqual(examine(well), []);
    assert.deepEqual(examine(memberWell), []);
    assert.equal(findingsText([]), 'Nothing is wrong.\n');
  });

  for (const [base, rows] of [
    [well, onHub],
    [memberWell, onMember],
  ] as const) {
    for (const [code, change, message] of rows) {
      test(`${code}: ${message.source}`, () => {
        const found = examine({ ...base, ...(change as Partial<Snapshot>) });
        assert.deepEqual(
          found.map((one) => one.code),
          [code],
        );
        assert.match(found[0]!.message, message);
        assert.ok(found[0]!.remedy.length > 0 && found[0]!.object.length > 0);
        assert.match(findingsText(found), new RegExp(code));
      });
    }
  }

  test('every code is found by a row above, and told in the documentation', () => {
    const codes = Object.keys(findingTable);
    const found = new Set<string>([...onHub, ...onMember].map(([code]) => code));
    assert.deepEqual(
      codes.filter((code) => !found.has(code)),
      [],
    );
    const page = readFileSync(join(import.meta.dirname, '..', '..', '..', 'docs', 'troubleshooting.md'), 'utf8');
    for (const [code, [severity, meaning, remedy]] of Object.entries(findingTable))
      assert.ok(page.includes(`### ${code}\n\n${meaning} (${severity})\n\n${remedy}\n`), code);
  });

  test('what hinders work comes first', () => {
    const found = examine({ ...well, forbidden: ['nodes'], leases: [] });
    assert.deepEqual(
      found.map(({ severity }) => severity),
      ['error', 'warning'],
    );
  });
});
