import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { names } from '@isochrone/api';
import { ApiClient, ApiError, core, type ClientOptions, type Clock, type Logger, type Secret } from '@isochrone/kube';
import { tokenClaims } from '../edge-cluster/token.ts';
import { OperatorError } from '../errors.ts';
import type { SyncMetrics } from './metrics.ts';

export interface HubCredentialOptions {
  /** What the administrator gave at enrolment: address, certificate authority and a first credential. */
  readonly kubeconfig: string;
  /** Survives restarts: the newest token is in it, for the first one does not last. */
  readonly stateDirectory: string;
  readonly hubNamespace: string;
  readonly client: ClientOptions;
  readonly logger: Logger;
  readonly syncMetrics: SyncMetrics;
  readonly clock: Clock;
}

/**
 * The edge's credential for the hub. The hub rotates the token in a Secret that the edge may read; here it is written to a
 * file that the client reads again, so that nothing has to be restarted.
 */
export class HubCredential {
  readonly #options: HubCredentialOptions;
  readonly #tokenFile: string;
  #token: string | undefined;

  constructor(options: HubCredentialOptions) {
    this.#options = options;
    this.#tokenFile = join(options.stateDirectory, 'hub-token');
  }

  /**
   * A client that follows the token. Waits until the hub is reachable and has issued one.
   * @throws KubeconfigError; OperatorError STATE_DIRECTORY_UNUSABLE; the signal's reason
   */
  async connect(signal: AbortSignal): Promise<ApiClient> {
    const { stateDirectory, client, clock, logger } = this.#options;
    try {
      await mkdir(stateDirectory, { recursive: true, mode: 0o700 });
      this.#token = await this.#stored();
    } catch (error) {
      const message = `stateDirectory ${stateDirectory} cannot be used; give one that this process may write to`;
      throw new OperatorError('STATE_DIRECTORY_UNUSABLE', message, { cause: error });
    }
    const follower = await this.#withBootstrap((bootstrap) => bootstrap.withTokenFile(this.#tokenFile, client));
    while (this.#token === undefined) {
      signal.throwIfAborted();
      try {
        await this.enrol(signal);
      } catch (error) {
        logger.warn({ err: error }, 'the hub has given no token yet; tried again');
        await clock.sleep(2000, signal);
      }
    }
    return follower;
  }

  /** Reads the Secret with the credential of the kubeconfig, which may have been replaced since. @throws ApiError */
  async enrol(signal: AbortSignal): Promise<void> {
    const { kubeconfig, hubNamespace } = this.#options;
    const ref = { namespace: hubNamespace, name: names.edgeCredential };
    const options = { signal, timeoutMilliseconds: 10_000 };
    try {
      await this.accept(await this.#withBootstrap((bootstrap) => bootstrap.get(core.secrets, ref, options)));
    } catch (error) {
      throw explained(error, kubeconfig, hubNamespace);
    }
  }

  /** Takes over the token of the credential Secret, when there is a newer one in it. */
  async accept(secret: Secret): Promise<void> {
    const { logger, syncMetrics } = this.#options;
    const token = Buffer.from(secret.data?.['token'] ?? '', 'base64').toString('utf8');
    const claims = tokenClaims(token);
    if (claims === undefined || token === this.#token) return;
    const current = this.#token === undefined ? undefined : tokenClaims(this.#token);
    // A late event must not bring an older token back; one of another ServiceAccount is a new enrolment.
    if (current?.serviceAccountUID === claims.serviceAccountUID && current.issuedAt > claims.issuedAt) return;
    await this.#store(token);
    syncMetrics.tokenExpiration.set(claims.expiresAt / 1000);
    logger.info({ expirationTime: new Date(claims.expiresAt).toISOString() }, 'took over a new token for the hub');
  }

  async #withBootstrap<R>(use: (bootstrap: ApiClient) => Promise<R>): Promise<R> {
    const { kubeconfig, client } = this.#options;
    const bootstrap = await ApiClient.fromKubeconfig({ ...client, path: kubeconfig });
    try {
      return await use(bootstrap);
    } finally {
      await bootstrap.close();
    }
  }

  async #stored(): Promise<string | undefined> {
    const { clock, syncMetrics } = this.#options;
    const text = await readFile(this.#tokenFile, 'utf8').catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
      throw error;
    });
    const claims = tokenClaims(text.trim());
    if (claims === undefined || claims.expiresAt <= clock.now()) return undefined;
    syncMetrics.tokenExpiration.set(claims.expiresAt / 1000);
    return text.trim();
  }

  /** By renaming, so that a reader finds the old token or the new one, whole. */
  async #store(token: string): Promise<void> {
    const next = `${this.#tokenFile}.next`;
    await writeFile(next, token, { mode: 0o600, flush: true });
    await rename(next, this.#tokenFile);
    this.#token = token;
  }
}

function explained(error: unknown, kubeconfig: string, hubNamespace: string): unknown {
  if (!(error instanceof ApiError)) return error;
  const remedy = error.isUnauthorized
    ? 'the credential in it is over or revoked; write a new kubeconfig from the Secret on the hub'
    : error.isForbidden
      ? 'its user may not read the Secret; is it the kubeconfig of this cluster?'
      : error.isNotFound
        ? 'the EdgeCluster is not registered yet'
        : undefined;
  if (remedy === undefined) return error;
  const message = `kubeconfig ${kubeconfig}, Secret ${hubNamespace}/${names.edgeCredential}: ${remedy}`;
  return new OperatorError('HUB_CREDENTIAL_INVALID', message, { cause: error });
}
