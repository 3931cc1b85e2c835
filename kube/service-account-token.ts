import { core, type Secret } from './core.ts';
import type { ApiClient } from './client.ts';
import type { ObjectRef } from './object.ts';

/**
 * Issues a token of a ServiceAccount that ends with the Secret it is bound to: deleting the Secret revokes it.
 *
 * @param seconds its life; the API server issues none for less than 600, and may shorten a long one
 * @throws ApiError
 */
export async function issueBoundToken(
  client: Pick<ApiClient, 'createSubresource'>,
  serviceAccount: ObjectRef,
  seconds: number,
  { name, uid }: Pick<Secret['metadata'], 'name' | 'uid'>,
): Promise<string> {
  const answer = await client.createSubresource<{ status: { token: string } }>(
    core.serviceAccounts,
    serviceAccount,
    'token',
    {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { expirationSeconds: seconds, boundObjectRef: { apiVersion: 'v1', kind: 'Secret', name, uid } },
    },
  );
  return answer.status.token;
}
