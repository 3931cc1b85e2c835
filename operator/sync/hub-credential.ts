import { readFile } from 'node:fs/promises';
import {
  ApiClient,
  core,
  type ClientOptions,
  type Clock,
  type EventRecorder,
  type Logger,
  type Secret,
} from '@isochrone/kube';
import { sealedOf, viewCredential } from '../edge-cluster/credential-secret.ts';
import { tokenClaims } from '../edge-cluster/token.ts';
import { OperatorError } from '../errors.ts';
import { openCredential, type Credential } from '../join/credential.ts';
import { parseJoinToken, type JoinToken } from '../join/join-token.ts';
import { fingerprintOf, generateJoinKey, publicKeyOf } from '../join/seal.ts';
import { HubSecretStore, parseHubSecret, type HubSecret } from './hub-secret.ts';
import { joinOnce } from './join-hub.ts';
import {
  credentialExpired,
  credentialRefused,
  noCredential,
  tokenExpired,
  tokenOfAnother,
  tokenUsed,
  type JoinProblem,
} from './join-problem.ts';
import type { SyncMetrics } from './metrics.ts';
import { offeredPlace, tryHub, type HubPlace } from './hub-place.ts';

export interface HubCredentialOptions {
  readonly cluster: string;
  readonly member: ApiClient;
  readonly memberNamespace: string;
  /** Looked at whenever there is no credential that counts, so that a new token can be put into place. */
  readonly joinTokenFile: string | undefined;
  readonly proxyUrl: string | undefined;
  readonly client: ClientOptions;
  readonly logger: Logger;
  readonly events: EventRecorder;
  readonly syncMetrics: SyncMetrics;
  readonly clock: Clock;
  /** Told when the address or the authority of the hub is another: what is connected cannot follow. */
  readonly onHubChanged: (error: OperatorError) => void;
}

/** Between two looks at a join that waits; a refused token is tried again rarely, for what the hub says may change. */
const waitMilliseconds = { first: 250, most: 5000, unreachable: 5000, refused: 30_000 } as const;

/**
 * The edge's credential for the hub: the Secret `isochrone-hub` on the member. It comes by a join token; the hub rotates it in a
 * Secret that the edge may read, encrypted to the key that the member joined with; here it is opened and stored, and read before
 * every request, so that nothing has to be restarted.
 */
export class HubCredential {
  readonly #options: HubCredentialOptions;
  readonly #store: HubSecretStore;
  #hub: HubSecret | undefined;
  #connectedTo: HubPlace | undefined;
  #problem: JoinProblem | undefined;
  #waitingFor: string | undefined;
  #refusedToken: { readonly id: string; readonly until: number } | undefined;

  constructor(options: HubCredentialOptions) {
    this.#options = options;
    this.#store = new HubSecretStore(options.member, options.memberNamespace);
  }

  /** UID of the EdgeJoinRequest that the credential came by; told to the hub with every renewal. */
  get joinedBy(): string | undefined {
    return this.#hub?.joinedBy;
  }

  /** True, or why there is no credential that counts. */
  check(): true | string {
    if (this.#problem !== undefined) return `${this.#problem.reason}: ${this.#problem.message}`;
    return this.#waitingFor ?? true;
  }

  /**
   * A client that follows the token. Joins first when the member has no credential, and waits until it is accepted.
   * @throws OperatorError JOIN_TOKEN_INVALID, HUB_CREDENTIAL_INVALID; the signal's reason
   */
  async connect(signal: AbortSignal): Promise<ApiClient> {
    const { clock, cluster, client, proxyUrl, logger } = this.#options;
    for (let wait: number = waitMilliseconds.first; ;) {
      let pause: number;
      try {
        this.#hub = await this.#store.read(signal);
        if (this.#hub !== undefined && this.#hub.cluster !== cluster) throw wrongCluster(this.#hub.cluster, cluster);
        if (this.#isUsable(true)) break;
        pause = (await this.#join(signal)) ?? wait;
        if (this.#isUsable(false)) break;
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof OperatorError) throw error;
        logger.warn({ err: error }, 'the member did not answer; tried again');
        pause = waitMilliseconds.unreachable;
      }
      await clock.sleep(pause, signal);
      wait = Math.min(waitMilliseconds.most, wait * 1.5);
    }
    const { server, ca, key } = this.#hub!;
    if (key === undefined) this.#tellUnrotated();
    this.#connectedTo = { server, ...(ca === undefined ? {} : { ca }) };
    this.#measure();
    return ApiClient.fromOptions({
      ...client,
      ...this.#connectedTo,
      currentToken: () => this.#hub?.token ?? '',
      ...(proxyUrl === undefined ? {} : { proxyUrl }),
    });
  }

  /** The hub answered 401: tells it, and joins when there is a token that was not used yet. One step at a time. @throws OperatorError */
  async refused(signal: AbortSignal): Promise<void> {
    const { clock, cluster } = this.#options;
    const claims = tokenClaims(this.#hub?.token ?? '');
    const isOver = claims !== undefined && clock.now() >= claims.expiresAt;
    const problem = isOver ? credentialExpired(timeOf(claims.expiresAt), cluster) : credentialRefused(cluster);
    if (this.#problem === undefined && this.#waitingFor === undefined) this.#tell(problem);
    if ((await this.#unusedToken(false)) !== undefined) await this.#join(signal);
  }

  /** The hub answered, so the credential counts. */
  confirmed(): void {
    this.#problem = undefined;
    this.#waitingFor = undefined;
    this.#options.syncMetrics.credentialValid.set(1);
  }

  /**
   * Takes over what is in the credential Secret of the hub, when it is newer and for this join.
   * @throws SealError when it was not encrypted to the key of the member; ApiError
   */
  async accept(secret: Secret, signal: AbortSignal): Promise<void> {
    const { cluster, logger } = this.#options;
    const known = this.#hub;
    const sealed = sealedOf(secret);
    if (sealed === undefined || known?.key === undefined || known.joinedBy === undefined) return;
    // Of another join: that brings its token itself, and this one has ended.
    if (viewCredential(secret).key?.joinedBy !== known.joinedBy) return;
    const offered = openCredential(sealed, known.key, { requestUID: known.joinedBy, cluster });
    const claims = tokenClaims(offered.token);
    if (claims === undefined || offered.token === known.token) return;
    // A late event must not bring an older token back; one of another ServiceAccount is a new enrolment.
    const isOlderThan = (token = ''): boolean => {
      const held = tokenClaims(token);
      return held?.serviceAccountUID === claims.serviceAccountUID && held.issuedAt > claims.issuedAt;
    };
    if (isOlderThan(known.token)) return;
    const place = await this.#newPlace(offered, known, signal);
    const next = await this.#store.update((stored) => {
      // A join ended meanwhile, or a later rotation was faster: what that brought counts.
      if (stored !== undefined && (stored.joinedBy !== known.joinedBy || isOlderThan(stored.token))) return stored;
      return { ...(stored ?? known), ...place, token: offered.token };
    }, signal);
    if (next.token !== offered.token) return;
    logger.info({ expirationTime: timeOf(claims.expiresAt) }, 'took over a new token for the hub');
    if (place !== undefined) this.#take(next);
    else {
      this.#hub = next;
      this.#measure();
    }
  }

  /** The hub may move, or get another authority: it is believed once it answers there, for the old place may be the only one that does. */
  async #newPlace(offered: Credential, known: HubSecret, signal: AbortSignal): Promise<HubPlace | undefined> {
    const { client, cluster, proxyUrl, logger, events } = this.#options;
    const place = offeredPlace(offered, known);
    if (place === undefined) return undefined;
    const why = await tryHub({ client, place, token: offered.token, cluster, proxyUrl }, signal);
    if (why === undefined) return place;
    const note = `the hub names ${place.server} with another address or authority than ${known.server}, and does not answer there (${why}); the known ones are kept`;
    logger.warn({ server: place.server }, note);
    events.record(core.secrets, this.#store.object, {
      type: 'Warning',
      reason: 'HubNotFollowed',
      action: 'Join',
      note,
    });
    return undefined;
  }

  /** An administrator of the member may write the Secret too. */
  reload(secret: Secret): void {
    const stored = parseHubSecret(secret);
    if (stored?.token === undefined || stored.token === this.#hub?.token) return;
    const { issuedAt = 0 } = tokenClaims(stored.token) ?? {};
    const { issuedAt: known = 0 } = tokenClaims(this.#hub?.token ?? '') ?? {};
    if (issuedAt < known) return;
    this.#take(stored);
  }

  #take(hub: HubSecret): void {
    const before = this.#connectedTo;
    this.#hub = hub;
    this.#measure();
    if (before === undefined || (before.server === hub.server && before.ca === hub.ca)) return;
    const message = `Secret ${this.#store.object.metadata.name ?? ''} names hub ${hub.server} now, or another authority; the edge operator ends, to be started anew`;
    this.#options.onHubChanged(new OperatorError('HUB_CREDENTIAL_INVALID', message));
  }

  /** @param tells whether a token that ran out is told */
  #isUsable(tells: boolean): boolean {
    const { clock, cluster } = this.#options;
    const claims = tokenClaims(this.#hub?.token ?? '');
    if (claims === undefined) return false;
    if (clock.now() < claims.expiresAt) return true;
    if (tells) this.#tell(credentialExpired(timeOf(claims.expiresAt), cluster));
    return false;
  }

  /** One step of a join. @returns milliseconds until the next; undefined when the caller may choose */
  async #join(signal: AbortSignal): Promise<number | undefined> {
    const { clock, cluster, member, memberNamespace, proxyUrl, client } = this.#options;
    const token = await this.#unusedToken(true);
    if (token === undefined) return waitMilliseconds.unreachable;
    if (this.#refusedToken?.id === token.id && clock.monotonic() < this.#refusedToken.until)
      return waitMilliseconds.unreachable;
    const hub = await this.#beginJoin(token, signal);
    const privateKey = hub.joinKey!;
    const step = await joinOnce({ token, cluster, privateKey, member, memberNamespace, proxyUrl, client }, signal);
    switch (step.type) {
      case 'Waiting':
        this.#tellWaiting(fingerprintOf(publicKeyOf(privateKey)));
        return undefined;
      case 'Joined':
        await this.#endJoin(token, { ...step, key: privateKey }, signal);
        return undefined;
      case 'Refused':
        this.#tell(step.problem);
        if (step.problem.mayPass) return waitMilliseconds.unreachable;
        this.#refusedToken = { id: token.id, until: clock.monotonic() + waitMilliseconds.refused };
        return waitMilliseconds.unreachable;
    }
  }

  /** The key is stored before anybody hears of it: a restart goes on with the same. */
  async #beginJoin(token: JoinToken, signal: AbortSignal): Promise<HubSecret> {
    const { cluster } = this.#options;
    const stored = await this.#store.read(signal);
    if (stored?.joinID === token.id && stored.joinKey !== undefined) return stored;
    const { server, ca, id } = token;
    const joinKey = generateJoinKey().privateKey;
    // Until the join ends, what it replaces may still count, and be rotated.
    const { server: _, ca: __, ...old } = stored ?? {};
    const next = { ...old, server, ...(ca === undefined ? {} : { ca }), cluster, joinID: id, joinKey };
    await this.#store.write(next);
    return next;
  }

  async #endJoin(
    { server, ca, id }: JoinToken,
    { token, requestUID, key }: { readonly token: string; readonly requestUID: string; readonly key: string },
    signal: AbortSignal,
  ): Promise<void> {
    const { cluster, syncMetrics, logger, events } = this.#options;
    const hub = { server, ...(ca === undefined ? {} : { ca }), cluster, token, key, joinID: id, joinedBy: requestUID };
    await this.#store.update(() => hub, signal);
    this.#take(hub);
    this.#problem = undefined;
    this.#waitingFor = undefined;
    syncMetrics.joins.inc({ outcome: 'Joined' });
    const note = `joined hub ${server} as EdgeCluster ${cluster}`;
    logger.info({ server, cluster }, note);
    events.record(core.secrets, this.#store.object, { type: 'Normal', reason: 'Joined', note });
  }

  /** @param tells whether it is told why there is none. @throws OperatorError JOIN_TOKEN_INVALID */
  async #unusedToken(tells: boolean): Promise<JoinToken | undefined> {
    const { joinTokenFile: file, cluster, clock } = this.#options;
    const text = file === undefined ? '' : await readIfThere(file);
    const problem = (found: JoinProblem): undefined => {
      // A token that ran out, or a refusal, says more than that there is no other.
      if (tells && this.#hub?.token === undefined) this.#tell(found);
      return undefined;
    };
    if (file === undefined || text === '') return problem(noCredential(file, cluster));
    const token = parseJoinToken(text, `join token file ${file}`);
    if (token.cluster !== cluster) return problem(tokenOfAnother(token.cluster, cluster));
    if (this.#hub?.joinID === token.id && this.#hub.joinKey === undefined) return problem(tokenUsed(cluster));
    const claims = tokenClaims(token.token);
    if (claims !== undefined && clock.now() >= claims.expiresAt)
      return problem(tokenExpired(timeOf(claims.expiresAt), cluster));
    return token;
  }

  #tell(problem: JoinProblem): void {
    const { logger, events, syncMetrics } = this.#options;
    syncMetrics.credentialValid.set(0);
    const isKnown = this.#problem?.reason === problem.reason && this.#problem.message === problem.message;
    this.#problem = problem;
    this.#waitingFor = undefined;
    if (isKnown) return;
    const { reason, message } = problem;
    logger.warn({ reason }, message);
    syncMetrics.joins.inc({ outcome: reason });
    events.record(core.secrets, this.#store.object, { type: 'Warning', reason, action: 'Join', note: message });
  }

  #tellWaiting(fingerprint: string): void {
    const { cluster, logger, events } = this.#options;
    const message = `waiting for the hub to accept key ${fingerprint}: kubectl isochrone edge accept ${cluster} --fingerprint ${fingerprint}`;
    this.#problem = undefined;
    if (this.#waitingFor === message) return;
    this.#waitingFor = message;
    logger.info({ fingerprint, cluster }, message);
    const event = { type: 'Normal', reason: 'WaitingForAcceptance', action: 'Join', note: message } as const;
    events.record(core.secrets, this.#store.object, event);
  }

  #tellUnrotated(): void {
    const { cluster, logger, events } = this.#options;
    const note = `the member joined before the hub encrypted what it rotates, so its credential ends as it is; let it join anew, on the hub: kubectl isochrone edge revoke ${cluster}, then kubectl isochrone edge token create ${cluster}`;
    logger.warn({ cluster }, note);
    events.record(core.secrets, this.#store.object, { type: 'Warning', reason: 'KeyMissing', action: 'Join', note });
  }

  #measure(): void {
    const claims = tokenClaims(this.#hub?.token ?? '');
    if (claims === undefined) return;
    const { tokenIssued, tokenExpiration } = this.#options.syncMetrics;
    tokenIssued.set(claims.issuedAt / 1000);
    tokenExpiration.set(claims.expiresAt / 1000);
  }
}

function wrongCluster(stored: string, cluster: string): OperatorError {
  const message = `Secret isochrone-hub is the credential of EdgeCluster ${stored}, and --cluster is ${cluster}; correct --cluster, or delete the Secret and join anew`;
  return new OperatorError('HUB_CREDENTIAL_INVALID', message);
}

function timeOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

async function readIfThere(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw new OperatorError('JOIN_TOKEN_INVALID', `join token file ${file} cannot be read; check the mount`, {
      cause: error,
    });
  }
}
