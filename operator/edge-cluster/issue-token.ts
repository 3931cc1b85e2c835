import { edgeNamespace, names } from '@isochrone/api';
import { ApiError, core, issueBoundToken, type ApiClient } from '@isochrone/kube';
import type { OperatorMetrics } from '../metrics.ts';
import type { MemberObjectViews } from './observe.ts';

interface Deps {
  readonly client: ApiClient;
  readonly views: MemberObjectViews;
  readonly operatorMetrics: OperatorMetrics;
  readonly tokenSeconds: number;
  readonly server: string;
}

/** Told apart from other failures for the condition CredentialValid; retried like any. */
export class TokenNotIssued extends Error {}

/**
 * Issues a token for a member and puts it where the member reads it. It is bound to the Secret that holds it: deleting the
 * Secret revokes every token that was ever in it.
 * @throws TokenNotIssued
 */
export async function issueToken(deps: Deps, cluster: string): Promise<void> {
  const { client, views, operatorMetrics, server, tokenSeconds } = deps;
  const namespace = edgeNamespace(cluster);
  const secret = { namespace, name: names.edgeCredential };
  const uid = views.credentials.get(`${namespace}/${names.edgeCredential}`)?.uid;
  try {
    const account = { namespace, name: names.edgeServiceAccount };
    const token = await issueBoundToken(client, account, tokenSeconds, { name: secret.name, ...(uid && { uid }) });
    const certificateAuthority = await client.certificateAuthority();
    await client.mergePatch(core.secrets, secret, {
      stringData: {
        token,
        server,
        ...(certificateAuthority === undefined ? {} : { 'ca.crt': certificateAuthority }),
      },
    });
  } catch (error) {
    operatorMetrics.tokensIssued.inc({ result: 'failed' });
    throw new TokenNotIssued(error instanceof Error ? error.message : String(error), { cause: error });
  }
  operatorMetrics.tokensIssued.inc({ result: 'issued' });
}

/** Ends every token that a member got from this incarnation of its credential. */
export async function deleteCredential(client: ApiClient, cluster: string, uid: string): Promise<void> {
  try {
    await client.delete(core.secrets, { namespace: edgeNamespace(cluster), name: names.edgeCredential }, { uid });
  } catch (error) {
    // Made anew meanwhile: what was to end has ended.
    if (!(error instanceof ApiError && error.isConflict)) throw error;
  }
}
