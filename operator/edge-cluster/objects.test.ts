import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EdgeCluster } from '@isochrone/api';
import { driftedObjects, memberObjects, type ActualObjects } from './objects.ts';
import { edgeQuota, limitsReports } from './quota.ts';
import { rotationTime, tokenClaims } from './token.ts';

const cluster = { metadata: { name: 'a', uid: 'uid-a' } } as EdgeCluster;
const desired = memberObjects(cluster, 40, edgeQuota(true));
const actual: ActualObjects = {
  serviceAccount: { uid: 'sa' },
  role: { rules: desired.role.rules! },
  roleBinding: { roleRef: desired.roleBinding.roleRef, subjects: desired.roleBinding.subjects! },
  lease: { leaseDurationSeconds: 40 },
  credential: {},
  quota: { spec: desired.quota.spec! },
  flowSchema: { spec: desired.flowSchema.spec!, ownerUID: 'uid-a' },
};

test('nothing drifted', () => assert.deepEqual(driftedObjects(desired, actual), []));

const drifts: [string, Partial<ActualObjects>, string[]][] = [
  [
    'everything is missing',
    {
      serviceAccount: undefined,
      role: undefined,
      roleBinding: undefined,
      lease: undefined,
      credential: undefined,
      quota: undefined,
      flowSchema: undefined,
    },
    ['serviceAccount', 'role', 'roleBinding', 'lease', 'credential', 'quota', 'flowSchema'],
  ],
  ['a limit was raised', { quota: { spec: { hard: { ...desired.quota.spec!.hard, pods: '10' } } } }, ['quota']],
  [
    'requests of the member count elsewhere',
    {
      flowSchema: {
        spec: { ...desired.flowSchema.spec!, priorityLevelConfiguration: { name: 'exempt' } },
        ownerUID: 'uid-a',
      },
    },
    ['flowSchema'],
  ],
  [
    'the flow of a namesake that was deleted',
    { flowSchema: { spec: desired.flowSchema.spec!, ownerUID: 'uid-old' } },
    ['flowSchema'],
  ],
  ['a rule was added', { role: { rules: [...desired.role.rules!, { verbs: ['*'] }] } }, ['role']],
  [
    'a verb was added',
    { role: { rules: desired.role.rules!.map((rule) => ({ ...rule, verbs: [...rule.verbs, 'delete'] })) } },
    ['role'],
  ],
  [
    'a subject was added',
    {
      roleBinding: {
        roleRef: desired.roleBinding.roleRef,
        subjects: [...desired.roleBinding.subjects!, { kind: 'User', name: 'eve' }],
      },
    },
    ['roleBinding'],
  ],
  ['the edge changed its term', { lease: { leaseDurationSeconds: 4000 } }, ['lease']],
];
for (const [name, change, expected] of drifts) {
  test(`drift: ${name}`, () => assert.deepEqual(driftedObjects(desired, { ...actual, ...change }), expected));
}

const jwt = (claims: unknown): string => `h.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.s`;
const whole = {
  iat: 100,
  exp: 400,
  'kubernetes.io': { serviceaccount: { uid: 'sa' }, secret: { uid: 'secret' } },
};

test('claims of a bound token', () => {
  const claims = tokenClaims(jwt(whole));
  assert.deepEqual(claims, { issuedAt: 100_000, expiresAt: 400_000, serviceAccountUID: 'sa', secretUID: 'secret' });
  assert.equal(rotationTime(claims), 300_000);
});

for (const text of [
  '',
  'x',
  'a.b.c',
  jwt({}),
  jwt({ ...whole, iat: 'x' }),
  jwt({ ...whole, exp: undefined }),
  jwt({ iat: 1, exp: 2 }),
]) {
  test(`no claims in ${JSON.stringify(text.slice(0, 20))}`, () => assert.equal(tokenClaims(text), undefined));
}

test('reports are limited once the controllers of the hub must know the kind, and from then on', () => {
  const cases: [Record<string, string> | undefined, number, boolean][] = [
    [undefined, 0, false],
    [undefined, 59_999, false],
    [undefined, 60_000, true],
    [edgeQuota(false), 0, false],
    // A new leader does not take the limit away.
    [edgeQuota(true), 0, true],
  ];
  for (const [actual, age, expected] of cases) assert.equal(limitsReports(actual, age), expected, `${age}`);
  assert.equal(edgeQuota(false)['count/nodereports.isochrone.dev'], undefined);
  assert.match(edgeQuota(true)['count/nodereports.isochrone.dev']!, /^\d+$/);
});
