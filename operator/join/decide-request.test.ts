import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { annotations, type EdgeJoinRequest } from '@isochrone/api';
import { findCondition, formatTime } from '@isochrone/kube';
import {
  joinStatus,
  KEPT_MILLISECONDS,
  nextJoinLook,
  planJoin,
  type JoinAction,
  type ObservedJoin,
} from './decide-request.ts';
import { fingerprintOf, generateJoinKey } from './seal.ts';

const now = Date.UTC(2030, 0, 1);
const expires = now + 3_600_000;
const [mine, theirs] = [generateJoinKey().publicKey, generateJoinKey().publicKey];
const claim = { publicKey: mine, clusterName: 'frankfurt', memberUID: 'm', kubernetesVersion: 'v1.34.1' };
const accepted = { acceptedFingerprint: fingerprintOf(mine) };
const token = { issuedAt: now - 1000, expiresAt: now + 1, serviceAccountUID: 'sa', secretUID: 'secret-2' };
/** As the request of these tests bound it. */
const key = { publicKey: mine, joinedBy: 'request-1' };
const sealed = { ephemeralPublicKey: mine, ciphertext: 'AA==', issuedTime: formatTime(token.issuedAt) };

interface Given {
  readonly spec?: Partial<EdgeJoinRequest['spec']>;
  readonly status?: EdgeJoinRequest['status'];
  readonly notes?: Readonly<Record<string, string>>;
  readonly deleting?: boolean;
  readonly seen?: Partial<Omit<ObservedJoin, 'request'>>;
}

function observed({ spec, status, notes = {}, deleting = false, seen = {} }: Given): ObservedJoin {
  return {
    request: {
      apiVersion: 'isochrone.dev/v1alpha1',
      kind: 'EdgeJoinRequest',
      metadata: {
        name: 'frankfurt-1',
        uid: 'request-1',
        annotations: notes,
        ...(deleting ? { deletionTimestamp: formatTime(now) } : {}),
      },
      spec: { clusterName: 'frankfurt', expirationTime: formatTime(expires), ...spec },
      ...(status === undefined ? {} : { status }),
    },
    hasToken: true,
    cluster: { registered: true, revoked: false },
    credential: { uid: 'secret-2', key, token },
    usedBy: undefined,
    ...seen,
  };
}

const told = ({ type, ...rest }: JoinAction): string => {
  const detail = 'outcome' in rest ? rest.outcome : 'uid' in rest ? rest.uid : '';
  return detail === '' ? type : `${type} ${detail}`;
};
const replaced = { [annotations.replacedCredential]: 'secret-1' };
const granted = { ...replaced, [annotations.grantedCredential]: 'secret-2' };
const keyless = { uid: 'secret-2', key: undefined, token: undefined };
const ofAnother = { uid: 'secret-2', key: { publicKey: theirs, joinedBy: 'request-2' }, token };
const ended = { [annotations.joinOutcome]: 'Joined' };
const asked = { request: claim };

const plans: [what: string, given: Given, at: number, expected: string[]][] = [
  ['nobody has asked', {}, now, []],
  ['it waits for the acceptance', { status: asked }, now, []],
  ['it expired', {}, expires, ['RecordOutcome Expired']],
  ['it expired, although it was accepted', { spec: accepted, status: asked }, expires, ['RecordOutcome Expired']],
  ['it was revoked', { spec: { revoked: true } }, now, ['RecordOutcome Revoked']],
  [
    'it was used for another cluster',
    { status: { request: { ...claim, clusterName: 'paris' } } },
    now,
    ['RecordOutcome ClusterMismatch'],
  ],
  [
    'another key than the accepted one asked',
    { spec: { acceptedFingerprint: fingerprintOf(theirs) }, status: asked },
    now,
    ['RecordOutcome FingerprintMismatch'],
  ],
  [
    'two keys asked before the acceptance',
    { status: { ...asked, rival: { ...claim, publicKey: theirs } } },
    now,
    ['RecordOutcome TokenReused'],
  ],
  [
    'another key asked after the acceptance',
    { spec: accepted, status: { ...asked, rival: { ...claim, publicKey: theirs } } },
    now,
    ['RecordContest'],
  ],
  [
    'that was told: the accepted key goes on',
    {
      spec: accepted,
      status: { ...asked, rival: { ...claim, publicKey: theirs } },
      notes: { [annotations.joinContested]: 'true', ...granted },
    },
    now,
    ['Deliver'],
  ],
  [
    'accepted: the credential of before is noted',
    { spec: accepted, status: asked },
    now,
    ['RememberCredential secret-2'],
  ],
  [
    'accepted: there was none before',
    { spec: accepted, status: asked, seen: { credential: undefined } },
    now,
    ['RememberCredential none'],
  ],
  ['accepted without an EdgeCluster', { spec: accepted, status: asked, seen: { cluster: undefined } }, now, []],
  [
    'accepted, and the EdgeCluster is revoked',
    { spec: accepted, status: asked, seen: { cluster: { registered: true, revoked: true } } },
    now,
    [],
  ],
  [
    'the credential of before ends',
    { spec: accepted, status: asked, notes: { [annotations.replacedCredential]: 'secret-2' } },
    now,
    ['DeleteCredential secret-2'],
  ],
  [
    'the new one is for this request',
    { spec: accepted, status: asked, notes: replaced, seen: { credential: keyless } },
    now,
    ['GrantCredential secret-2'],
  ],
  [
    'the new one is for another request already',
    { spec: accepted, status: asked, notes: replaced, seen: { credential: ofAnother } },
    now,
    [],
  ],
  [
    'what is put into it is for the accepted key',
    { spec: accepted, status: asked, notes: granted, seen: { credential: keyless } },
    now,
    ['BindKey secret-2'],
  ],
  [
    'of two that were granted it, one was faster',
    { spec: accepted, status: asked, notes: granted, seen: { credential: ofAnother } },
    now,
    ['RecordOutcome Replaced'],
  ],
  [
    'it was revoked before it was used',
    { spec: accepted, status: asked, notes: granted, seen: { credential: undefined } },
    now,
    ['RecordOutcome Replaced'],
  ],
  [
    'it was replaced before it was used: the next is not for this request',
    { spec: accepted, status: asked, notes: granted, seen: { credential: { ...keyless, uid: 'secret-3' } } },
    now,
    ['RecordOutcome Replaced'],
  ],
  [
    'nothing can be encrypted to the key',
    { status: { request: { ...claim, publicKey: Buffer.alloc(32).toString('base64') } } },
    now,
    ['RecordOutcome KeyInvalid'],
  ],
  ['the sealed one is handed over', { spec: accepted, status: asked, notes: granted }, now, ['Deliver']],
  [
    'the new one has no token yet',
    { spec: accepted, status: asked, notes: granted, seen: { credential: { uid: 'secret-2', key, token: undefined } } },
    now,
    [],
  ],
  [
    'the token in it is of an earlier Secret',
    {
      spec: accepted,
      status: asked,
      notes: granted,
      seen: { credential: { uid: 'secret-2', key, token: { ...token, secretUID: 'secret-1' } } },
    },
    now,
    [],
  ],
  ['it is sealed already', { spec: accepted, status: { ...asked, credential: sealed }, notes: granted }, now, []],
  [
    'it was rotated before it was fetched',
    {
      spec: accepted,
      status: { ...asked, credential: { ...sealed, issuedTime: formatTime(now - 9_000) } },
      notes: granted,
    },
    now,
    ['Deliver'],
  ],
  [
    'the member uses it',
    { spec: accepted, status: { ...asked, credential: sealed }, notes: granted, seen: { usedBy: 'request-1' } },
    now,
    ['RecordOutcome Joined'],
  ],
  [
    'a member that says so before there was an answer is not believed',
    { status: asked, seen: { usedBy: 'request-1' } },
    now,
    [],
  ],
  ['ended: the token goes', { notes: ended }, now, ['RevokeToken']],
  ['ended, kept to be read', { notes: ended, seen: { hasToken: false } }, expires, []],
  ['ended a day ago', { notes: ended, seen: { hasToken: false } }, expires + KEPT_MILLISECONDS, ['DeleteRequest']],
  ['it is being deleted', { deleting: true }, expires, []],
];

describe('what is done for a request', () => {
  for (const [what, given, at, expected] of plans) {
    test(what, () => assert.deepEqual(planJoin(observed(given), at).map(told), expected));
  }
});

const statuses: [what: string, given: Given, acceptance: string, joined: string, message: RegExp][] = [
  ['nobody has asked', {}, 'WaitingForMember', 'NotAccepted', /no edge operator has used the token yet/],
  [
    'somebody asks',
    { status: asked },
    'WaitingForAcceptance',
    'NotAccepted',
    /edge accept frankfurt --fingerprint SHA256:/,
  ],
  ['accepted', { spec: accepted, status: asked }, 'Accepted', 'WaitingForCredential', /^SHA256:\S+$/],
  [
    'accepted without an EdgeCluster',
    { spec: accepted, status: asked, seen: { cluster: undefined } },
    'WaitingForCluster',
    'WaitingForCredential',
    /there is no EdgeCluster frankfurt; create it/,
  ],
  [
    'sealed',
    { spec: accepted, status: { ...asked, credential: sealed } },
    'Accepted',
    'WaitingForMember',
    /^SHA256:\S+$/,
  ],
  [
    'contested',
    { spec: accepted, status: asked, notes: { [annotations.joinContested]: 'true' } },
    'Accepted',
    'WaitingForCredential',
    /a second joiner tried the token later.*edge revoke frankfurt/,
  ],
  ['joined', { spec: accepted, status: asked, notes: ended }, 'Accepted', 'Joined', /^SHA256:/],
  [
    'replaced',
    { spec: accepted, status: asked, notes: { [annotations.joinOutcome]: 'Replaced' } },
    'Replaced',
    'Replaced',
    /was revoked, or another member was accepted.*create another token/,
  ],
  ['expired', { notes: { [annotations.joinOutcome]: 'Expired' } }, 'Expired', 'Expired', /create another token/],
  [
    'stolen',
    { status: asked, notes: { [annotations.joinOutcome]: 'TokenReused' } },
    'TokenReused',
    'NotAccepted',
    /one of the two has stolen it/,
  ],
];

test('the key that is bound is the one that asked', () => {
  const given = { spec: accepted, status: asked, notes: granted, seen: { credential: keyless } };
  assert.deepEqual(planJoin(observed(given), now), [{ type: 'BindKey', uid: 'secret-2', key }]);
});

describe('what is told of a request', () => {
  for (const [what, given, acceptance, joined, message] of statuses) {
    test(what, () => {
      const { conditions } = joinStatus(observed(given), now);
      const accepted = findCondition(conditions, 'Accepted');
      assert.deepEqual([accepted?.reason, findCondition(conditions, 'Joined')?.reason], [acceptance, joined]);
      assert.match(accepted?.message ?? '', message);
    });
  }

  test('what a joiner wrote into the conditions is replaced, and no credential stays after the end', () => {
    const forged = {
      type: 'Joined',
      status: 'True',
      reason: 'Mine',
      message: '',
      lastTransitionTime: formatTime(now),
    } as const;
    const status = { ...asked, credential: sealed, conditions: [forged, { ...forged, type: 'Ready' }] };
    const next = joinStatus(observed({ spec: accepted, status, notes: ended }), now);
    assert.equal(next.credential, undefined);
    assert.deepEqual(next.conditions?.map(({ type, reason }) => `${type} ${reason}`).sort(), [
      'Accepted Accepted',
      'Joined Joined',
    ]);
  });
});

test('it is looked at again when it expires, and when it is to be deleted', () => {
  assert.equal(nextJoinLook(observed({}), expires - 5000), 5000);
  assert.equal(nextJoinLook(observed({ notes: ended }), expires + KEPT_MILLISECONDS - 5000), 5000);
  assert.equal(nextJoinLook(observed({}), expires + 1), 10);
});
