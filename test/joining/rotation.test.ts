import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:https';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { annotations, edgeNamespace, names, SYSTEM_NAMESPACE } from '@isochrone/api';
import { core, formatTime, issueBoundToken, systemClock, type Secret, type WatchEvent } from '@isochrone/kube';
import { sealCredential, tokenClaims } from '@isochrone/operator/join';
import { CertificateAuthority } from '@isochrone/tools/local';
import { eventually } from '../harness/index.ts';
import {
  issuedTimeOf,
  kubeconfigOf,
  rotateCredential,
  withFederation,
  type RunningProgram,
} from '../federation/federation.ts';
import { createProvider } from '../federation/member.ts';
import { clusterReason, eventsOf, newCluster, pluginOf, withInstallation } from './joining-world.ts';

// What the credential of a member is worth to others, after the join: rotations, thefts, another authority, an upgrade.
const federation = await withFederation();
const { admin, hub } = federation;
let operator = await federation.startOperator();
await createProvider(admin, 'alpha');
const member = await withInstallation(federation, 'member');
const plugin = pluginOf(hub);
const slow = { timeout: 60_000 };
const namespace = edgeNamespace('frankfurt');
const onHub = { namespace, name: names.edgeCredential };
const onMember = { namespace: SYSTEM_NAMESPACE, name: names.hubCredential };
let edge: RunningProgram;

const tokenOf = async (): Promise<string> => (await member.secret())['token'] ?? '';
const issuedTime = (): Promise<string> => issuedTimeOf(admin, 'frankfurt');

/** Makes a token, and accepts who comes with it. */
async function joins(...flags: string[]): Promise<void> {
  const before = (await member.client.find(core.secrets, onMember))?.data?.['token'];
  const { stdout, stderr } = await plugin('edge', 'token', 'create', 'frankfurt', ...flags);
  assert.match(stdout, /^isochrone-join-v1/, stderr);
  await member.putToken(stdout.trim());
  edge ??= await member.startEdge('frankfurt');
  await eventually(async () => (await plugin('edge', 'accept', 'frankfurt')).status === 0, slow);
  await eventually(async () => (await member.client.find(core.secrets, onMember))?.data?.['token'] !== before, {
    ...slow,
    describe: 'the member has a new token',
  });
  await untilReady();
}

async function untilReady(): Promise<void> {
  await eventually(() => edge.health.isReady().ok, { ...slow, describe: 'the edge operator is ready' });
}

/** Until the member uses another token. */
async function rotates(): Promise<void> {
  await rotateCredential(admin, 'frankfurt');
  await usesNewest();
}

async function usesNewest(): Promise<void> {
  await eventually(async () => formatTime(tokenClaims(await tokenOf())?.issuedAt ?? 0) === (await issuedTime()), {
    ...slow,
    describe: 'the member takes the new token over',
  });
}

/** What somebody sees who holds the token, of the Secrets on the hub, until the API server ends it. */
class Watch {
  readonly #answer: IncomingMessage;
  #text = '';

  static async open(token: string): Promise<Watch> {
    const request = get(`${hub.server}/api/v1/namespaces/${namespace}/secrets?watch=1&timeoutSeconds=600`, {
      ca: hub.ca,
      headers: { authorization: `Bearer ${token}` },
      agent: false,
    });
    const [answer] = (await once(request, 'response')) as [IncomingMessage];
    assert.equal(answer.statusCode, 200);
    return new Watch(answer);
  }

  private constructor(answer: IncomingMessage) {
    this.#answer = answer;
    answer.setEncoding('utf8').on('data', (text: string) => (this.#text += text));
    after(() => answer.destroy());
  }

  get isOpen(): boolean {
    return !this.#answer.readableEnded && !this.#answer.destroyed;
  }

  get events(): WatchEvent<Secret>[] {
    const lines = this.#text.split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line) as WatchEvent<Secret>);
  }

  /** Everything in them that is a token of the API server. */
  get tokens(): string[] {
    return this.events.flatMap(({ object }) =>
      Object.values((object as Secret).data ?? {})
        .map((value) => Buffer.from(value, 'base64').toString('utf8'))
        .filter((text) => tokenClaims(text) !== undefined),
    );
  }

  /** Whether it saw a credential that was issued then. */
  saw(time: string): boolean {
    return this.events.some(({ object }) => (object as Secret).metadata.annotations?.[annotations.issuedTime] === time);
  }
}

test('whoever stole a token sees that it is rotated, and not by what', async () => {
  await joins(...newCluster);
  assert.equal(await clusterReason(admin, 'frankfurt', 'CredentialValid'), 'Issued');
  const stolen = await tokenOf();
  const watch = await Watch.open(stolen);
  await rotates();
  assert.notEqual(await tokenOf(), stolen);
  const time = await issuedTime();
  await eventually(() => watch.saw(time), slow);
  assert.ok(watch.isOpen);
  assert.deepEqual(watch.tokens, []);
  const { data = {} } = await admin.get(core.secrets, onHub);
  assert.deepEqual(Object.keys(data).sort(), ['ciphertext', 'ephemeral-public-key'], 'nothing else is in the Secret');
});

test('a watch that outlives the revocation sees no token of those who come back', async () => {
  const watch = await Watch.open(await tokenOf());
  assert.equal((await plugin('edge', 'revoke', 'frankfurt')).status, 0);
  await eventually(() => watch.events.some(({ type }) => type === 'DELETED'), slow);
  await joins();
  const time = await issuedTime();
  await eventually(() => watch.saw(time), { ...slow, describe: 'the API server has not ended the watch' });
  await rotates();
  const rotated = await issuedTime();
  await eventually(() => watch.saw(rotated), slow);
  assert.ok(watch.isOpen);
  assert.deepEqual(watch.tokens, []);
});

test('a member that joined before credentials were encrypted keeps its token, gets no other, and joins anew', async () => {
  const token = await tokenOf();
  const watch = await Watch.open(token);
  const { annotations: notes = {} } = (await admin.get(core.secrets, onHub)).metadata;
  const none = Object.fromEntries(
    Object.keys(notes)
      .filter((note) => note !== annotations.originUID)
      .map((note) => [note, null]),
  );
  // As the version before left both sides.
  federation.running.delete(edge);
  await edge.stop();
  await operatorStops();
  await admin.mergePatch(core.secrets, onHub, {
    metadata: { annotations: none as unknown as Record<string, string> },
    data: { ciphertext: null, 'ephemeral-public-key': null },
    stringData: { token },
  });
  await member.client.mergePatch(core.secrets, onMember, {
    data: { 'private-key': null },
  });
  await eventually(() => watch.tokens.includes(token), { describe: 'a plain token is found where there is one' });
  // Two thirds of its day later, by the hub's clock.
  operator = await federation.startOperator({}, { ...systemClock, now: () => Date.now() + 17 * 3_600_000 });
  edge = await member.startEdge('frankfurt');
  await untilReady();
  await eventually(async () => (await clusterReason(admin, 'frankfurt', 'CredentialValid')) === 'KeyUnknown', slow);
  await eventually(async () => (await eventsOf(member.client, 'KeyMissing')).length > 0, slow);
  const found = await admin.get(core.secrets, onHub);
  assert.equal(Buffer.from(found.data?.['token'] ?? '', 'base64').toString('utf8'), token, 'not rotated in the clear');

  await operatorStops();
  operator = await federation.startOperator();
  assert.equal((await plugin('edge', 'revoke', 'frankfurt')).status, 0);
  await joins();
  assert.equal(await clusterReason(admin, 'frankfurt', 'CredentialValid'), 'Issued');
  await rotates();
  assert.deepEqual([...new Set(watch.tokens)], [token]);
});

async function operatorStops(): Promise<void> {
  federation.running.delete(operator);
  await operator.stop();
}

test('an authority that the hub does not answer to is not followed, and the token is', async () => {
  const { metadata } = await admin.get(core.secrets, onHub);
  const notes = metadata.annotations ?? {};
  const account = { namespace, name: names.edgeServiceAccount };
  const token = await issueBoundToken(admin, account, 3600, metadata);
  const context = { requestUID: notes[annotations.joinedBy]!, cluster: 'frankfurt' };
  const wrong = { token, ca: new CertificateAuthority('another').certificate };
  const { ephemeralPublicKey, ciphertext } = sealCredential(wrong, notes[annotations.publicKey]!, context);
  await admin.mergePatch(core.secrets, onHub, {
    stringData: { 'ephemeral-public-key': ephemeralPublicKey, ciphertext },
  });
  await eventually(async () => (await tokenOf()) === token, { ...slow, describe: 'the token is taken over' });
  assert.equal((await member.secret())['ca.crt']?.trim(), hub.ca.trim());
  await eventually(async () => (await eventsOf(member.client, 'HubNotFollowed')).length > 0);
  await untilReady();
});

test('a member follows a new authority that is announced beside the old one', async () => {
  await operatorStops();
  const bundle = `${hub.ca.trim()}\n${new CertificateAuthority('next').certificate}`;
  const encode = (text: string): string => Buffer.from(text).toString('base64');
  const known = await readFile(await kubeconfigOf(hub, 'isochrone-operator'), 'utf8');
  assert.ok(known.includes(encode(hub.ca)));
  const kubeconfig = join(federation.directory, 'kubeconfig-bundle');
  await writeFile(kubeconfig, known.replace(encode(hub.ca), encode(bundle)), { mode: 0o600 });
  operator = await federation.startOperator({ kubeconfig });
  // Its connections are of the old one, so it takes this over and nothing after it.
  federation.running.delete(edge);
  await rotateCredential(admin, 'frankfurt');
  await eventually(async () => (await member.secret())['ca.crt'] === bundle, {
    ...slow,
    describe: 'the member has both authorities',
  });
  await assert.rejects(edge.ended, { code: 'HUB_CREDENTIAL_INVALID' });
  edge = await member.startEdge('frankfurt');
  await untilReady();
  await usesNewest();
});
