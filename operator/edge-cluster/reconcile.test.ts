import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { annotations, finalizers, type EdgeCluster } from '@isochrone/api';
import { findCondition } from '@isochrone/kube';
import { clusterStatus, nextLook, planCluster, type ObservedCluster } from './reconcile.ts';

const term = 40_000;
const now = { wall: Date.UTC(2030, 0, 1), monotonic: 1_000_000 };
const hour = 3_600_000;
const token = {
  issuedAt: now.wall - hour,
  expiresAt: now.wall + 23 * hour,
  serviceAccountUID: 'sa',
  secretUID: 'secret',
};

const key = { publicKey: 'public', joinedBy: 'request-1' };

function cluster(overrides: Partial<EdgeCluster['metadata']> = {}, status?: EdgeCluster['status']): EdgeCluster {
  return {
    apiVersion: 'isochrone.dev/v1alpha1',
    kind: 'EdgeCluster',
    metadata: { name: 'a', uid: 'uid-a', generation: 2, finalizers: [finalizers.edgeNamespace], ...overrides },
    spec: {
      class: 'Edge',
      providerRef: { name: 'p' },
      location: { latitude: '0', longitude: '0', country: 'DE', region: 'r' },
    },
    ...(status === undefined ? {} : { status }),
  };
}

function observed(overrides: Partial<ObservedCluster> = {}): ObservedCluster {
  return {
    cluster: cluster(),
    providerExists: true,
    namespace: { ownerUID: 'uid-a', terminating: false },
    drifted: [],
    serviceAccountUID: 'sa',
    credential: { uid: 'secret', key, token },
    contact: { renewTime: 'x', renewedAt: now.monotonic - 1000, until: now.monotonic + term - 1000 },
    nodes: { total: 2, ready: 1 },
    openTasks: 0,
    hasPriorityLevel: true,
    brake: { unreachable: 0, known: 1, heldUntil: undefined },
    ...overrides,
  };
}

const revoked: EdgeCluster = { ...cluster(), spec: { ...cluster().spec, revoked: true } };
const deleting = cluster({ deletionTimestamp: '2030-01-01T00:00:00Z' });

const plans: { name: string; observed: Partial<ObservedCluster>; expected: string[] }[] = [
  { name: 'a settled member needs nothing', observed: {}, expected: [] },
  {
    name: 'the finalizer comes first',
    observed: { cluster: cluster({ finalizers: [] }), namespace: undefined },
    expected: ['AddFinalizer'],
  },
  { name: 'then the namespace', observed: { namespace: undefined }, expected: ['CreateNamespace'] },
  { name: 'but not without a provider', observed: { namespace: undefined, providerExists: false }, expected: [] },
  {
    name: 'a provider that vanished takes nothing from a registered member',
    observed: { providerExists: false, drifted: ['role'] },
    expected: ['Apply role'],
  },
  {
    name: 'nothing is done in the namespace of a stranger',
    observed: { namespace: { ownerUID: undefined, terminating: false }, drifted: ['role'], credential: undefined },
    expected: [],
  },
  {
    name: 'nor in that of an earlier namesake',
    observed: { namespace: { ownerUID: 'uid-old', terminating: false }, drifted: ['role'] },
    expected: [],
  },
  {
    name: 'nor in one that is going',
    observed: { namespace: { ownerUID: 'uid-a', terminating: true }, drifted: ['role'] },
    expected: [],
  },
  {
    name: 'what drifted is applied in order',
    observed: {
      drifted: ['serviceAccount', 'role', 'roleBinding', 'lease', 'credential'],
      serviceAccountUID: undefined,
      credential: undefined,
    },
    expected: ['Apply serviceAccount', 'Apply role', 'Apply roleBinding', 'Apply lease', 'Apply credential'],
  },
  { name: 'a token waits for the Secret that it is bound to', observed: { credential: undefined }, expected: [] },
  {
    name: 'and for a member that can open it',
    observed: { credential: { uid: 'secret', key: undefined, token: undefined } },
    expected: [],
  },
  {
    name: 'one of before credentials were encrypted is not replaced, whatever its age',
    observed: { credential: { uid: 'secret', key: undefined, token: { ...token, expiresAt: now.wall } } },
    expected: [],
  },
  {
    name: 'an empty Secret gets a token',
    observed: { credential: { uid: 'secret', key, token: undefined } },
    expected: ['IssueToken'],
  },
  {
    name: 'a token of another ServiceAccount is replaced',
    observed: { serviceAccountUID: 'sa-2' },
    expected: ['IssueToken'],
  },
  {
    name: 'a token of another Secret is replaced',
    observed: { credential: { uid: 'secret-2', key, token } },
    expected: ['IssueToken'],
  },
  {
    name: 'a token is kept until two thirds of its life',
    observed: {
      credential: {
        uid: 'secret',
        key,
        token: { ...token, issuedAt: now.wall - 16 * hour + 1, expiresAt: now.wall + 8 * hour + 1 },
      },
    },
    expected: [],
  },
  {
    name: 'and replaced then',
    observed: {
      credential: {
        uid: 'secret',
        key,
        token: { ...token, issuedAt: now.wall - 16 * hour, expiresAt: now.wall + 8 * hour },
      },
    },
    expected: ['IssueToken'],
  },
  {
    name: 'a revoked member loses its credential first, and keeps the rest',
    observed: { cluster: revoked, drifted: ['role', 'credential'] },
    expected: ['DeleteCredential', 'Apply role'],
  },
  {
    name: 'a revoked member gets no other credential',
    observed: { cluster: revoked, drifted: ['credential'], credential: undefined },
    expected: [],
  },
  {
    name: 'a member that is taken out by force does not wait for its tasks',
    observed: {
      cluster: cluster({ ...deleting.metadata, annotations: { [annotations.abandonTasks]: 'true' } }),
      openTasks: 1,
    },
    expected: ['DeleteNamespace'],
  },
  { name: 'a deleted member loses its namespace', observed: { cluster: deleting }, expected: ['DeleteNamespace'] },
  { name: 'but not while tasks are open', observed: { cluster: deleting, openTasks: 1 }, expected: [] },
  {
    name: 'once; then nothing of the edge may hold it up',
    observed: { cluster: deleting, namespace: { ownerUID: 'uid-a', terminating: true } },
    expected: ['DropFinalizers'],
  },
  {
    name: 'and is let go when it is gone',
    observed: { cluster: deleting, namespace: undefined },
    expected: ['RemoveFinalizer'],
  },
  {
    name: 'the namespace of a stranger is not deleted with it',
    observed: { cluster: deleting, namespace: { ownerUID: 'other', terminating: false } },
    expected: ['RemoveFinalizer'],
  },
  {
    name: 'a member without our finalizer is none of our business',
    observed: { cluster: cluster({ deletionTimestamp: 'x', finalizers: ['another'] }) },
    expected: [],
  },
];

describe('plan of a member', () => {
  for (const { name, observed: overrides, expected } of plans) {
    test(name, () => {
      const plan = planCluster(observed(overrides), now);
      assert.deepEqual(
        plan.map((action) => ('object' in action ? `${action.type} ${action.object}` : action.type)),
        expected,
      );
    });
  }
});

type Expected = Record<string, readonly [status: string, reason: string] | undefined>;
const neverSeen = { renewTime: undefined, renewedAt: undefined, until: now.monotonic + term };
const lost = { renewTime: 'x', renewedAt: now.monotonic - term, until: now.monotonic };
const undecided = { renewTime: 'x', renewedAt: undefined, until: now.monotonic + 1 };
const ready = {
  type: 'Ready',
  status: 'True',
  reason: 'LeaseRenewed',
  message: 'm',
  lastTransitionTime: 't',
  observedGeneration: 2,
} as const;

const statuses: { name: string; observed: Partial<ObservedCluster>; failure?: string; expected: Expected }[] = [
  {
    name: 'all is well',
    observed: {},
    expected: {
      Registered: ['True', 'Registered'],
      CredentialValid: ['True', 'Issued'],
      Ready: ['True', 'LeaseRenewed'],
    },
  },
  {
    name: 'no provider',
    observed: { providerExists: false },
    expected: { Registered: ['False', 'ProviderNotFound'], Ready: ['False', 'NotRegistered'] },
  },
  {
    name: 'a namespace of a stranger',
    observed: { namespace: { ownerUID: undefined, terminating: false } },
    expected: { Registered: ['False', 'NamespaceConflict'], Ready: ['False', 'NotRegistered'] },
  },
  {
    name: 'a namespace that is going',
    observed: { namespace: { ownerUID: 'uid-a', terminating: true } },
    expected: { Registered: ['False', 'NamespaceConflict'] },
  },
  {
    name: 'deleting takes no new work',
    observed: { cluster: deleting, openTasks: 3 },
    expected: { Registered: ['False', 'Deleting'], Ready: ['False', 'NotRegistered'] },
  },
  {
    name: 'revoked',
    observed: { cluster: revoked },
    expected: { CredentialValid: ['False', 'Revoked'], Ready: ['False', 'CredentialRevoked'] },
  },
  {
    name: 'reinstated, and not seen since a new leader came',
    observed: {
      contact: undecided,
      cluster: cluster({}, { conditions: [{ ...ready, status: 'False', reason: 'CredentialRevoked' }] }),
    },
    expected: { Ready: ['Unknown', 'Unreachable'] },
  },
  { name: 'a flow', observed: {}, expected: { FlowControlled: ['True', 'PriorityLevelFound'] } },
  {
    name: 'no priority level',
    observed: { hasPriorityLevel: false },
    expected: { FlowControlled: ['False', 'PriorityLevelMissing'] },
  },
  { name: 'no token yet', observed: { credential: undefined }, expected: { CredentialValid: undefined } },
  {
    name: 'nobody has joined',
    observed: { credential: { uid: 'secret', key: undefined, token: undefined } },
    expected: { CredentialValid: ['False', 'NotJoined'] },
  },
  {
    name: 'a token of before credentials were encrypted counts as long as it does',
    observed: { credential: { uid: 'secret', key: undefined, token } },
    expected: { CredentialValid: ['True', 'KeyUnknown'] },
  },
  {
    name: 'and no longer',
    observed: { credential: { uid: 'secret', key: undefined, token: { ...token, expiresAt: now.wall } } },
    expected: { CredentialValid: ['False', 'KeyUnknown'] },
  },
  {
    name: 'an expired token',
    observed: { credential: { uid: 'secret', key, token: { ...token, expiresAt: now.wall } } },
    expected: { CredentialValid: ['False', 'Expired'] },
  },
  {
    name: 'no token can be issued',
    observed: { credential: { uid: 'secret', key, token: undefined } },
    failure: 'no',
    expected: { CredentialValid: ['False', 'IssueFailed'] },
  },
  {
    name: 'no new token can be issued while the old one counts',
    observed: {},
    failure: 'no',
    expected: { CredentialValid: ['True', 'IssueFailed'] },
  },
  { name: 'never seen', observed: { contact: neverSeen }, expected: { Ready: ['Unknown', 'NeverSeen'] } },
  {
    name: 'lost',
    observed: { contact: lost },
    expected: { Ready: ['Unknown', 'Unreachable'], EvictionHeld: ['False', 'NotHeld'] },
  },
  {
    name: 'lost together with most others',
    observed: { contact: lost, brake: { unreachable: 4, known: 6, heldUntil: now.wall + 1 } },
    expected: { Ready: ['Unknown', 'Unreachable'], EvictionHeld: ['True', 'LargeOutage'] },
  },
  {
    name: 'for too long',
    observed: { contact: lost, brake: { unreachable: 4, known: 6, heldUntil: now.wall } },
    expected: { EvictionHeld: ['False', 'NotHeld'] },
  },
  {
    name: 'one of those that are left',
    observed: { brake: { unreachable: 4, known: 6, heldUntil: now.wall + 1 } },
    expected: { Ready: ['True', 'LeaseRenewed'], EvictionHeld: ['False', 'NotHeld'] },
  },
  {
    name: 'a new leader believes what it finds for a term',
    observed: { contact: undecided, cluster: cluster({}, { conditions: [ready] }) },
    expected: { Ready: ['True', 'LeaseRenewed'] },
  },
  {
    name: 'but does not call one ready that was not',
    observed: {
      contact: undecided,
      cluster: cluster({}, { conditions: [{ ...ready, status: 'Unknown', reason: 'Unreachable' }] }),
    },
    expected: { Ready: ['Unknown', 'Unreachable'] },
  },
  {
    name: 'nor one that was not registered',
    observed: {
      contact: undecided,
      cluster: cluster({}, { conditions: [{ ...ready, status: 'False', reason: 'NotRegistered' }] }),
    },
    expected: { Ready: ['Unknown', 'Unreachable'] },
  },
];

describe('conditions of a member', () => {
  for (const { name, observed: overrides, failure, expected } of statuses) {
    test(name, () => {
      const { conditions } = clusterStatus(observed(overrides), now, term, failure);
      for (const [type, verdict] of Object.entries(expected)) {
        const found = findCondition(conditions, type);
        assert.deepEqual(found && [found.status, found.reason], verdict, type);
        if (found !== undefined) assert.equal(found.observedGeneration, 2);
      }
    });
  }
});

test('a token is encrypted to the key that is bound to the Secret', () => {
  const empty = { uid: 'secret', key, token: undefined };
  assert.deepEqual(planCluster(observed({ credential: empty }), now), [{ type: 'IssueToken', uid: 'secret', key }]);
});

describe('last contact', () => {
  const seen = (previous: string | undefined, renewedAgo: number): string | undefined => {
    const status = previous === undefined ? {} : { lastContactTime: previous };
    const contact = { renewTime: 'x', renewedAt: now.monotonic - renewedAgo, until: now.monotonic + 1 };
    return clusterStatus(observed({ cluster: cluster({}, status), contact }), now, term).lastContactTime;
  };
  test('is the time of the hub at which the renewal was seen', () => {
    assert.equal(seen(undefined, 5000), '2029-12-31T23:59:55Z');
  });
  test('is carried on only when it is half a term old', () => {
    assert.equal(seen('2029-12-31T23:59:45Z', 5000), '2029-12-31T23:59:45Z');
    assert.equal(seen('2029-12-31T23:59:35Z', 5000), '2029-12-31T23:59:55Z');
  });
  test('is set right when it lies in the future', () => {
    assert.equal(seen('2031-01-01T00:00:00Z', 0), '2030-01-01T00:00:00Z');
  });
  test('stays while nothing was seen', () => {
    const status = { lastContactTime: '2029-12-31T23:00:00Z' };
    const result = clusterStatus(observed({ cluster: cluster({}, status), contact: neverSeen }), now, term);
    assert.equal(result.lastContactTime, status.lastContactTime);
  });
});

test('the next look is the end of the term, the rotation, or a minute, whichever comes first', () => {
  assert.equal(nextLook(observed(), now), term - 1000);
  assert.equal(nextLook(observed({ contact: lost }), now), 60_000);
  const due = { ...token, issuedAt: now.wall - 16 * hour + 2000, expiresAt: now.wall + 8 * hour + 2000 };
  assert.equal(nextLook(observed({ contact: lost, credential: { uid: 'secret', key, token: due } }), now), 2000);
});
