import { edgeNamespace, names } from '@isochrone/api';
import { ApiError, core, issueBoundToken, type ApiClient } from '@isochrone/kube';
import { sealCredential } from '../join/credential.ts';
import type { OperatorMetrics } from '../metrics.ts';
import { sealedPatch, type MemberKey } from './credential-secret.ts';
import { tokenClaims } from './token.ts';

interface Deps {
  readonly client: ApiClient;
  readonly operatorMetrics: OperatorMetrics;
  readonly tokenSeconds: number;
  readonly server: string | undefined;
}

/** Told apart from other failures for the condition CredentialValid; retried like any. */
export class TokenNotIssued extends Error {}

/**
 * Issues a token for a member and puts it where the member reads it, encrypted to the key of the member: whoever else reads the
 * Secret, over a watch that outlived a revoked token say, has nothing. It is bound to the Secret that holds it: deleting the
 * Secret revokes every token that was ever in it.
 * @param uid of the Secret: the key is that of this incarnation, and of no other
 * @throws TokenNotIssued
 */
export async function issueToken(deps: Deps, cluster: string, uid: string, key: MemberKey): Promise<void> {
  const { client, operatorMetrics, server, tokenSeconds } = deps;
  const namespace = edgeNamespace(cluster);
  const name = names.edgeCredential;
  try {
    const account = { namespace, name: names.edgeServiceAccount };
    const token = await issueBoundToken(client, account, tokenSeconds, { name, uid });
    const claims = tokenClaims(token);
    if (claims === undefined) throw new Error('the API server issued a token without iat, exp or ServiceAccount');
    const ca = await client.certificateAuthority();
    const credential = { token, ...(server === undefined ? {} : { server }), ...(ca === undefined ? {} : { ca }) };
    const sealed = sealCredential(credential, key.publicKey, { requestUID: key.joinedBy, cluster });
    const { metadata, stringData } = sealedPatch(sealed, claims);
    await client.mergePatch(core.secrets, { namespace, name }, { metadata: { ...metadata, uid }, stringData });
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
