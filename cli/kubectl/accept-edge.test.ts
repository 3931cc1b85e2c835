import assert from 'node:assert/strict';
import { test } from 'node:test';
import { annotations, type EdgeJoinRequest } from '@isochrone/api';
import { fingerprintOf, generateJoinKey } from '@isochrone/operator/join';
import { CliError } from '../errors.ts';
import { chooseRequest } from './accept-edge.ts';
import { isLoopback } from './create-edge-token.ts';
import { clusterSpecOf } from './edge-token-create-command.ts';
import { edgeTokenRows } from './edge-tokens.ts';

const [mine, theirs] = [generateJoinKey().publicKey, generateJoinKey().publicKey];

function request(name: string, publicKey?: string, outcome?: string, clusterName = 'frankfurt'): EdgeJoinRequest {
  const claim = { clusterName, memberUID: 'm', kubernetesVersion: 'v1.34.1' };
  return {
    apiVersion: 'isochrone.dev/v1alpha1',
    kind: 'EdgeJoinRequest',
    metadata: { name, annotations: outcome === undefined ? {} : { [annotations.joinOutcome]: outcome } },
    spec: { clusterName, expirationTime: '2030-01-01T00:00:00Z' },
    ...(publicKey === undefined ? {} : { status: { request: { ...claim, publicKey } } }),
  };
}

const choices: [
  what: string,
  requests: EdgeJoinRequest[],
  fingerprint: string | undefined,
  expected: string | RegExp,
][] = [
  ['the one that asks', [request('a'), request('b', mine)], undefined, 'b'],
  ['the one that is named', [request('a', theirs), request('b', mine)], fingerprintOf(mine), 'b'],
  ['none of two without a name', [request('a', theirs), request('b', mine)], undefined, /USAGE: several members ask/],
  ['not another key', [request('a', theirs)], fingerprintOf(mine), /USAGE: --fingerprint is .*accept nothing/],
  ['nobody has asked', [request('a')], undefined, /NOT_READY: no edge operator has used the join token/],
  ['no token', [], undefined, /NOT_FOUND: no join token for EdgeCluster frankfurt is open; kubectl/],
  ['of another cluster', [request('a', mine, undefined, 'paris')], undefined, /NOT_FOUND/],
  [
    'a token that was stolen',
    [request('a', mine, 'TokenReused')],
    undefined,
    /NOT_FOUND: .*the last one ended as TokenReused: a second joiner/,
  ],
  ['a token that was used', [request('a', mine, 'Joined')], undefined, /is open; kubectl/],
];
for (const [what, requests, fingerprint, expected] of choices) {
  test(`who is accepted: ${what}`, () => {
    const choose = (): string => chooseRequest(requests, 'frankfurt', fingerprint).request.metadata.name;
    if (typeof expected === 'string') assert.equal(choose(), expected);
    else {
      assert.throws(choose, (error: unknown) => {
        assert.ok(error instanceof CliError);
        assert.match(`${error.code}: ${error.message}`, expected);
        return true;
      });
    }
  });
}

test('an EdgeCluster is described wholly, or not at all', () => {
  const location = { latitude: '50.11', longitude: '8.68', country: 'DE', region: 'eu-central' };
  assert.equal(clusterSpecOf({}), undefined);
  assert.deepEqual(clusterSpecOf({ provider: 'alpha', ...location }), {
    class: 'Edge',
    providerRef: { name: 'alpha' },
    location,
  });
  assert.throws(() => clusterSpecOf(location), /--provider is missing/);
  assert.throws(() => clusterSpecOf({ class: 'Trusted' }), /--provider, --latitude, .* are missing/);
});

test('an address that only this machine finds is known', () => {
  for (const server of ['https://127.0.0.1:6443', 'https://localhost', 'https://[::1]:6443'])
    assert.ok(isLoopback(server), server);
  for (const server of ['https://hub.example:6443', 'https://10.0.0.1']) assert.ok(!isLoopback(server), server);
});

test('the state of a token is how it ended, else what it waits for', () => {
  const condition = (type: string, status: 'True' | 'False', reason: string) =>
    ({ type, status, reason, message: 'm', lastTransitionTime: '2030-01-01T00:00:00Z' }) as const;
  const withConditions = (...conditions: ReturnType<typeof condition>[]): EdgeJoinRequest => ({
    ...request('a', mine),
    status: { ...request('a', mine).status, conditions },
  });
  const states: [EdgeJoinRequest, string][] = [
    [request('a'), 'Unknown'],
    [request('a', mine, 'Expired'), 'Expired'],
    [withConditions(condition('Accepted', 'False', 'WaitingForAcceptance')), 'WaitingForAcceptance'],
    [
      withConditions(condition('Accepted', 'True', 'Accepted'), condition('Joined', 'False', 'WaitingForMember')),
      'WaitingForMember',
    ],
  ];
  for (const [one, state] of states) assert.equal(edgeTokenRows([one])[0]?.state, state);
  assert.equal(edgeTokenRows([request('a', mine)])[0]?.fingerprint, fingerprintOf(mine));
});
