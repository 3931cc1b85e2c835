import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { schemaFields } from '@isochrone/api';
import { findingsText } from './command.ts';
import { examine } from './examine.ts';
import { findingTable, type FindingCode } from './findings.ts';
import {
  at,
  condition,
  crd,
  hubSecret,
  job,
  joinRequest,
  lease,
  member,
  memberWell,
  monitored,
  pod,
  ready,
  release,
  says,
  tokenOf,
  unready,
  waiting,
  warning,
  well,
  without,
} from './snapshot.fixture.ts';
import type { Snapshot } from './snapshot.ts';

type Row = readonly [FindingCode, Partial<Record<keyof Snapshot, unknown>>, RegExp];
const onHub: readonly Row[] = [
  ['ServerUnreachable', { unreachable: 'connect ECONNREFUSED' }, /ECONNREFUSED/],
  [
    'KubernetesTooOld',
    { version: { major: '1', minor: '30+', gitVersion: 'v1.30.2' } },
    /1\.30\+ \(v1\.30\.2\); 1\.34/,
  ],
  [
    'KubernetesTooOld',
    { version: { major: '1', minor: '36', gitVersion: 'v1.36.3', emulationMajor: '1', emulationMinor: '33' } },
    /1\.33 \(v1\.36\.3\)/,
  ],
  [
    'RightMissing',
    { lacking: [{ account: 'isochrone-operator', right: 'patch inferencejobs/status' }] },
    /may not patch inferencejobs\/status/,
  ],
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
  ['LedgerAway', says('operator', '[-]ledger failed: PostgreSQL at db cannot be used now'), /PostgreSQL at db/],
  [
    'LedgerCorrupt',
    says('operator', '[-]operator failed: the ledger breaks the rule "sum is zero": posting 7; stop'),
    /posting 7/,
  ],
  ['WatchStale', says('operator', '[-]operator failed: leading, but jobs are not synced yet'), /jobs are not synced/],
  ['WatchStale', says('scheduler', '[-]hub failed: waiting for the first list of InferenceTasks'), /InferenceTasks/],
  [
    'CrashLooping',
    {
      pods: [
        pod(
          'scheduler',
          waiting('CrashLoopBackOff', '{"msg":"x"}\n{"msg":"the service failed","err":{"message":"why"}}\n'),
        ),
      ],
    },
    /the service failed: why$/,
  ],
  [
    'PodNotReady',
    { pods: [pod('scheduler', unready)], events: [warning('scheduler', 'Readiness probe failed: 503')] },
    /Readiness probe failed/,
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
  [
    'MemberNeverSeen',
    {
      clusters: member(condition('Ready', 'Unknown', 'NeverSeen'), condition('CredentialValid', 'False', 'NotJoined')),
    },
    /edge-alpha/,
  ],
  ['MemberUnreachable', { clusters: member(condition('Ready', 'Unknown', 'Unreachable')) }, /Unreachable/],
  [
    'CredentialInvalid',
    { clusters: member(condition('Ready', 'True', 'LeaseRenewed'), condition('CredentialValid', 'False', 'Expired')) },
    /Expired/,
  ],
  [
    'CredentialInvalid',
    {
      clusters: member(condition('Ready', 'True', 'LeaseRenewed'), condition('CredentialValid', 'True', 'KeyUnknown')),
    },
    /KeyUnknown/,
  ],
  [
    'CredentialExpiring',
    {
      clusters: [
        {
          ...member(condition('Ready', 'True', 'LeaseRenewed'))[0]!,
          status: {
            conditions: [condition('Registered', 'True', 'Registered'), condition('Ready', 'True', 'LeaseRenewed')],
            credential: { issuedTime: at(-3300), expirationTime: at(400) },
          },
        },
      ],
    },
    /ends at 2026-11-01T12:06/,
  ],
  ['JoinPending', { requests: [joinRequest('one', -60)] }, /alpha/],
  ['JoinRefused', { requests: [joinRequest('one', -60, 'TokenReused')] }, /alpha/],
  [
    'NoCapacity',
    { jobs: job('Pending', condition('Placed', 'False', 'NoNodeFits', 'shard 0: 2 nodes: 2 have no memory')) },
    /2 have no memory/,
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
  ['NoPrometheusOperator', { crds: without('servicemonitors'), secrets: [monitored] }, /servicemonitors/],
  [
    'CertificateExpiring',
    { secrets: [{ metadata: { name: 'tls' }, type: 'kubernetes.io/tls', data: { 'tls.crt': 'eA==' } }] },
    /cannot be read/,
  ],
];
const onMember: readonly Row[] = [
  ['HubCredentialMissing', { secrets: [] }, /has not joined/],
  ['HubCredentialMissing', { secrets: [], leases: [] }, /has not joined/],
  ['HubCredentialMissing', { secrets: hubSecret({}) }, /no token/],
  ['HubCredentialMissing', { secrets: hubSecret({ token: tokenOf(-7200, -60) }) }, /ended at 2026-11-01T11:59/],
  ['HubCredentialMissing', says('edge', '[-]sync failed: NoCredential: there is no credential'), /NoCredential/],
  ['HubCredentialMissing', says('edge', '[-]sync failed: TokenUsed: the join token was used already'), /TokenUsed/],
  ['CredentialExpiring', { secrets: hubSecret({ token: tokenOf(-6000, 600) }) }, /ends at 2026-11-01T12:10/],
  ['JoinPending', { secrets: hubSecret({ fingerprint: 'SHA256:x' }), leases: [] }, /SHA256:x/],
  ['JoinPending', says('edge', '[-]sync failed: waiting for the hub to accept key SHA256:x'), /SHA256:x/],
  ['HubUnreachable', { leases: [lease('isochrone-grant', -100)] }, /no contact for 100 s/],
  ['HubUnreachable', { leases: [] }, /never reached/],
  [
    'HubUnreachable',
    { ...says('edge', '[-]sync failed: HubUnreachable: refused'), secrets: hubSecret({ fingerprint: 'SHA256:x' }) },
    /refused/,
  ],
  ['HubUnreachable', says('edge', '[-]sync failed: no renewal was taken for 50 s'), /50 s/],
  ['WrongHub', { ...says('edge', '[-]sync failed: TokenRefused: hub does not take it'), leases: [] }, /TokenRefused/],
  ['WrongHub', says('edge', '[-]sync failed: ClusterMismatch: for EdgeCluster beta'), /beta/],
  ['WrongHub', says('edge', '[-]sync failed: WrongCertificateAuthority: hub shows'), /WrongCertificateAuthority/],
  [
    'WrongHub',
    { pods: [pod('edge', waiting('CrashLoopBackOff', 'HUB_CREDENTIAL_INVALID: of beta')), pod('agent', ready)] },
    /of beta/,
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

  const quiet: readonly (readonly [name: string, change: Partial<Record<keyof Snapshot, unknown>>])[] = [
    ['no Prometheus Operator where no release asks for it', { crds: without('servicemonitors') }],
    [
      'releases that are not installed now, of others, or without monitoring',
      {
        crds: without('servicemonitors'),
        secrets: [
          release('kind: ServiceMonitor\n', 'superseded'),
          release('kind: ServiceMonitor\n', 'deployed', 'prometheus'),
          release('kind: Service\n'),
          { ...monitored, data: { release: 'eA==' } },
        ],
      },
    ],
    [
      'a refusal that a later join followed',
      { requests: [joinRequest('one', -60, 'TokenReused'), joinRequest('two', -5, 'Joined')] },
    ],
    ['Pods that have ended, or are going', { pods: [...well.pods, pod('test', { phase: 'Succeeded' })] }],
    ['jobs that have ended', { jobs: job('Failed', condition('Placed', 'False', 'NoNodeFits')) }],
  ];
  for (const [name, change] of quiet) {
    test(`is silent about ${name}`, () => {
      assert.deepEqual(examine({ ...well, ...(change as Partial<Snapshot>) }), []);
    });
  }

  test('what hinders work comes first', () => {
    const found = examine({ ...well, forbidden: ['nodes'], leases: [] });
    assert.deepEqual(
      found.map(({ severity }) => severity),
      ['error', 'warning'],
    );
  });
});
