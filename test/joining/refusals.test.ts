import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  annotations,
  edgeClusterResource,
  edgeJoinRequestResource,
  edgeNamespace,
  JOIN_NAMESPACE,
  type EdgeJoinRequest,
} from '@isochrone/api';
import { createEdgeToken } from '@isochrone/cli/joining';
import { ApiClient, ApiError, core, findCondition, systemClock } from '@isochrone/kube';
import {
  fingerprintOf,
  formatJoinToken,
  generateJoinKey,
  openCredential,
  parseJoinToken,
  type JoinKey,
} from '@isochrone/operator/join';
import { CertificateAuthority } from '@isochrone/tools/local';
import { eventually } from '../harness/index.ts';
import { withFederation } from '../federation/federation.ts';
import { createProvider, edgeCluster } from '../federation/member.ts';
import { counted, eventsOf, joinReason, pluginOf, withInstallation } from './joining-world.ts';

let offset = 0;
const hubClock = { ...systemClock, now: () => Date.now() + offset };
const federation = await withFederation();
const { admin, hub } = federation;
const operator = await federation.startOperator({}, hubClock);
const plugin = pluginOf(hub);
await createProvider(admin, 'alpha');
const member = await withInstallation(federation, 'member');
const slow = { timeout: 60_000 };
let count = 0;

/** A token for a cluster of its own. */
async function newToken(ttlMilliseconds = 3_600_000): Promise<{ cluster: string; id: string; text: string }> {
  const cluster = `cluster-${++count}`;
  await admin.create(edgeClusterResource, edgeCluster(cluster));
  const { text } = await createEdgeToken(admin, { cluster, ttlMilliseconds }, { now: Date.now(), suffix: 'test' });
  return { cluster, id: parseJoinToken(text, 'test').id, text };
}

/** Somebody who holds the token, and writes with it what he likes. */
async function asHolder<T>(text: string, use: (client: ApiClient, id: string) => Promise<T>): Promise<T> {
  const { server, ca, token, id } = parseJoinToken(text, 'test');
  const client = ApiClient.fromOptions({ server, token, ...(ca === undefined ? {} : { ca }) });
  return use(client, id).finally(() => client.close());
}

const claimOf = (clusterName: string, { publicKey }: Pick<JoinKey, 'publicKey'>) => ({
  publicKey,
  clusterName,
  memberUID: 'f3a2',
  kubernetesVersion: 'v1.34.1',
});

async function write(text: string, status: NonNullable<EdgeJoinRequest['status']>): Promise<void> {
  await asHolder(text, (client, name) =>
    client.mergePatch(edgeJoinRequestResource, { namespace: JOIN_NAMESPACE, name }, { status } as object, {
      subresource: 'status',
    }),
  );
}

const read = (id: string): Promise<EdgeJoinRequest> =>
  admin.get(edgeJoinRequestResource, { namespace: JOIN_NAMESPACE, name: id });

/** With its reason, an event about the token and the cluster, a count, and the end of the token. */
async function refusedAtHub({ cluster, id }: { cluster: string; id: string }, outcome: string): Promise<void> {
  await eventually(async () => (await joinReason(admin, id, 'Accepted')) === outcome, {
    ...slow,
    describe: `${id} is ${outcome}`,
  });
  const { metadata, status } = await read(id);
  assert.equal(metadata.annotations?.[annotations.joinOutcome], outcome);
  assert.match(findCondition(status?.conditions, 'Accepted')?.message ?? '', /create (another|a) token/);
  assert.equal(status?.credential, undefined);
  await eventually(async () => (await eventsOf(admin, outcome, id)).length > 0);
  await eventually(async () => (await eventsOf(admin, outcome, cluster)).length > 0);
  assert.ok((await counted(operator, 'isochrone_edge_joins_total', outcome)) > 0);
  await eventually(async () => (await admin.find(core.secrets, { namespace: JOIN_NAMESPACE, name: id })) === undefined);
  const late = await plugin('edge', 'accept', cluster);
  assert.equal(late.status, 4);
  assert.match(late.stderr, new RegExp(`the last one ended as ${outcome}`));
}

/** With its reason, an event in the member, and a count. */
async function refusedAtMember(
  cluster: string,
  text: string,
  reason: string,
  message: RegExp,
  clock = systemClock,
): Promise<void> {
  await member.putToken(text);
  const edge = await member.startEdge(cluster, clock);
  await eventually(
    () => {
      assert.ok(edge.health.isReady().text.includes(`${reason}: `), edge.health.isReady().text);
      return true;
    },
    { ...slow, describe: `the member says ${reason}` },
  );
  assert.match(edge.health.isReady().text, message);
  assert.ok(!edge.health.isReady().ok);
  await eventually(async () => (await eventsOf(member.client, reason)).length > 0);
  assert.equal(await counted(edge, 'isochrone_sync_joins_total', reason), 1);
  await member.reset(edge);
}

describe('the hub refuses, with a reason, an event and a count', () => {
  test('a stolen token that the thief used first: nobody can be told from the other', async () => {
    const token = await newToken();
    await write(token.text, { request: claimOf(token.cluster, generateJoinKey()) });
    await refusedAtMember(token.cluster, token.text, 'TokenReused', /stolen, or handed out twice/);
    await refusedAtHub(token, 'TokenReused');
  });

  test('a stolen token that the thief used after the acceptance: only the accepted key reads the credential', async () => {
    const token = await newToken();
    const [mine, theirs] = [generateJoinKey(), generateJoinKey()];
    await write(token.text, { request: claimOf(token.cluster, mine) });
    assert.equal((await plugin('edge', 'accept', token.cluster)).status, 0);
    await write(token.text, { rival: claimOf(token.cluster, theirs) });
    await eventually(async () => (await eventsOf(admin, 'TokenReused', token.id)).length > 0);
    const request = await eventually(async () => {
      const found = await read(token.id);
      return found.status?.credential !== undefined && found;
    }, slow);
    const context = { requestUID: request.metadata.uid!, cluster: token.cluster };
    assert.throws(() => openCredential(request.status!.credential!, theirs.privateKey, context));
    const { token: opened } = openCredential(request.status!.credential!, mine.privateKey, context);
    const edge = ApiClient.fromOptions({ server: hub.server, ca: hub.ca, token: opened });
    await edge.list(core.secrets, { namespace: edgeNamespace(token.cluster) });
    await edge.close();
    await eventually(async () =>
      /edge revoke/.test(findCondition((await read(token.id)).status?.conditions, 'Accepted')?.message ?? ''),
    );
  });

  test('another key than the one that was accepted beforehand', async () => {
    const token = await newToken();
    await admin.mergePatch(
      edgeJoinRequestResource,
      { namespace: JOIN_NAMESPACE, name: token.id },
      { spec: { acceptedFingerprint: fingerprintOf(generateJoinKey().publicKey) } },
    );
    await write(token.text, { request: claimOf(token.cluster, generateJoinKey()) });
    await refusedAtHub(token, 'FingerprintMismatch');
  });

  test("another cluster's name", async () => {
    const token = await newToken();
    await write(token.text, { request: claimOf('paris', generateJoinKey()) });
    await refusedAtHub(token, 'ClusterMismatch');
  });

  test('a key that nothing can be encrypted to', async () => {
    const token = await newToken();
    await write(token.text, {
      request: claimOf(token.cluster, { publicKey: Buffer.alloc(32).toString('base64') }),
    });
    await refusedAtHub(token, 'KeyInvalid');
  });

  test('a key that lost its credential before it was used: the next one is not for it', async () => {
    const token = await newToken();
    const thief = generateJoinKey();
    await write(token.text, { request: claimOf(token.cluster, thief) });
    assert.equal((await plugin('edge', 'accept', token.cluster)).status, 0);
    await eventually(async () => (await read(token.id)).status?.credential !== undefined, slow);
    assert.equal((await plugin('edge', 'revoke', token.cluster)).status, 0);
    await refusedAtHub(token, 'Replaced');

    const { text } = await createEdgeToken(
      admin,
      { cluster: token.cluster, ttlMilliseconds: 3_600_000 },
      { now: Date.now(), suffix: 'next' },
    );
    const mine = generateJoinKey();
    await write(text, { request: claimOf(token.cluster, mine) });
    assert.equal((await plugin('edge', 'accept', token.cluster)).status, 0);
    const { id } = parseJoinToken(text, 'test');
    const request = await eventually(async () => {
      const found = await read(id);
      return found.status?.credential !== undefined && found;
    }, slow);
    const context = { requestUID: request.metadata.uid!, cluster: token.cluster };
    assert.ok(openCredential(request.status!.credential!, mine.privateKey, context).token);
    assert.throws(() => openCredential(request.status!.credential!, thief.privateKey, context));
    assert.equal((await read(token.id)).status?.credential, undefined);
  });

  test('a revoked token', async () => {
    const token = await newToken();
    const outcome = await plugin('edge', 'token', 'revoke', token.id);
    assert.equal(outcome.stdout, `edgejoinrequest.isochrone.dev/${token.id} revoked\n`);
    await refusedAtHub(token, 'Revoked');
    assert.match((await plugin('edge', 'token', 'revoke', token.id)).stdout, /had ended already/);
    assert.equal((await plugin('edge', 'token', 'revoke', 'nothing')).status, 4);
  });

  test('an expired token', async () => {
    const token = await newToken(60_000);
    offset = 61_000;
    // Time alone is no event: this one is.
    await write(token.text, { request: claimOf(token.cluster, generateJoinKey()) });
    await refusedAtHub(token, 'Expired');
    offset = 0;
  });
});

describe('a member refuses, with a reason, an event and a count', () => {
  test('a hub that the authority in the token did not sign', async () => {
    const { text, cluster, id } = await newToken();
    const { certificate } = new CertificateAuthority('another');
    const forged = formatJoinToken({ ...parseJoinToken(text, 'test'), ca: certificate });
    await refusedAtMember(cluster, forged, 'WrongCertificateAuthority', /somebody is in between, or the hub has a new/);
    assert.equal((await read(id)).status?.request, undefined, 'the hub has heard nothing');
  });

  test("a token of another cluster's", async () => {
    const { text, cluster, id } = await newToken();
    const message = new RegExp(
      `the join token is for EdgeCluster ${cluster}, and this edge operator runs as --cluster paris`,
    );
    await refusedAtMember('paris', text, 'ClusterMismatch', message);
    assert.equal((await read(id)).status?.request, undefined);
  });

  test('a hub that is not there', async () => {
    const { text, cluster } = await newToken();
    const away = formatJoinToken({ ...parseJoinToken(text, 'test'), server: 'https://127.0.0.1:1' });
    await refusedAtMember(cluster, away, 'HubUnreachable', /check the address, and the firewall of the member/);
  });

  test('a token that is over by its own clock', async () => {
    const { text, cluster, id } = await newToken();
    const later = { ...systemClock, now: () => Date.now() + 2 * 3_600_000 };
    await refusedAtMember(cluster, text, 'Expired', /the join token expired at \d.*; create another token/, later);
    assert.equal((await read(id)).status?.request, undefined);
  });

  test('no token at all', async () => {
    await refusedAtMember('paris', '', 'NoCredential', /kubectl isochrone edge token create paris/);
  });
});

test('whoever holds a token may write one status, and nothing else', async () => {
  const token = await newToken();
  const key = generateJoinKey();
  await write(token.text, { request: claimOf(token.cluster, key) });
  const ref = { namespace: JOIN_NAMESPACE, name: token.id };
  await asHolder(token.text, async (client) => {
    const attempts: [string, () => Promise<unknown>][] = [
      [
        'accepting himself',
        () =>
          client.mergePatch(edgeJoinRequestResource, ref, {
            spec: { acceptedFingerprint: fingerprintOf(key.publicKey) },
          }),
      ],
      ['seeing other tokens', () => client.list(edgeJoinRequestResource, { namespace: JOIN_NAMESPACE })],
      ['the Secrets of tokens', () => client.list(core.secrets, { namespace: JOIN_NAMESPACE })],
      ['the credential', () => client.list(core.secrets, { namespace: edgeNamespace(token.cluster) })],
      ['the members', () => client.list(edgeClusterResource)],
      ['deleting it', () => client.delete(edgeJoinRequestResource, ref)],
    ];
    for (const [what, attempt] of attempts) {
      await assert.rejects(attempt(), (error: unknown) => {
        assert.ok(error instanceof ApiError && error.isForbidden, `${what}: ${String(error)}`);
        return true;
      });
    }
    const forged = {
      type: 'Joined',
      status: 'True',
      reason: 'Joined',
      message: '',
      lastTransitionTime: '2030-01-01T00:00:00Z',
    };
    await client.mergePatch(edgeJoinRequestResource, ref, { status: { conditions: [forged] } } as object, {
      subresource: 'status',
    });
  });
  await eventually(async () => (await joinReason(admin, token.id, 'Joined')) === 'NotAccepted', {
    ...slow,
    describe: 'the operator writes its own conditions again',
  });
});
