import { ApiError } from '@isochrone/kube';
import type { JoinOutcome } from '../join/decide-request.ts';

/** Why a member has no credential that counts, as it can tell by itself. */
export interface JoinProblem {
  readonly reason:
    | Exclude<JoinOutcome, 'Joined'>
    | 'NoCredential'
    | 'CredentialExpired'
    | 'CredentialRefused'
    | 'TokenInvalid'
    | 'TokenUsed'
    | 'TokenRefused'
    | 'WrongCertificateAuthority'
    | 'HubUnreachable'
    | 'HubFailed'
    | 'SealBroken';
  readonly message: string;
  /** Whether the same token may succeed later. */
  readonly mayPass: boolean;
}

const another = (cluster: string): string =>
  `create another token on the hub: kubectl isochrone edge token create ${cluster}`;

/** What Node.js says of a certificate that the pinned authority did not sign, https://nodejs.org/api/tls.html */
const certificateCodes = new Set([
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** What an error of a request to the hub with the join token means. */
export function problemOf(error: unknown, server: string, cluster: string): JoinProblem {
  if (error instanceof ApiError) {
    if (error.isUnauthorized || error.isForbidden || error.isNotFound) {
      const message = `hub ${server} does not take the join token: it was used, has expired, or was revoked; ${another(cluster)}`;
      return { reason: 'TokenRefused', message, mayPass: false };
    }
    return { reason: 'HubFailed', message: `hub ${server}: ${error.message}`, mayPass: true };
  }
  const code = codeOf(error);
  if (code !== undefined && certificateCodes.has(code)) {
    const message = `hub ${server} shows a certificate that the authority in the join token did not sign (${code}): somebody is in between, or the hub has a new authority; ${another(cluster)}`;
    return { reason: 'WrongCertificateAuthority', message, mayPass: false };
  }
  const text = error instanceof Error ? error.message : String(error);
  const message = `hub ${server} cannot be reached (${code ?? text}); check the address, and the firewall of the member`;
  return { reason: 'HubUnreachable', message, mayPass: true };
}

/** @param until RFC 3339 */
export function credentialExpired(until: string, cluster: string): JoinProblem {
  const message = `the credential for the hub ran out at ${until}, while the hub was not reached to rotate it; ${another(cluster)}`;
  return { reason: 'CredentialExpired', message, mayPass: false };
}

export function credentialRefused(cluster: string): JoinProblem {
  const message = `the hub does not take the credential any more: it was revoked, or replaced by a later join; to come back, ${another(cluster)}`;
  return { reason: 'CredentialRefused', message, mayPass: false };
}

/** @param file undefined when none was given */
export function noCredential(file: string | undefined, cluster: string): JoinProblem {
  const where = file === undefined ? '--join-token-file is not given' : `join token file ${file} is not there or empty`;
  return {
    reason: 'NoCredential',
    message: `there is no credential for the hub and ${where}; ${another(cluster)}`,
    mayPass: false,
  };
}

export function tokenUsed(cluster: string): JoinProblem {
  return { reason: 'TokenUsed', message: `the join token was used already; ${another(cluster)}`, mayPass: false };
}

export function tokenOfAnother(theirs: string, cluster: string): JoinProblem {
  const message = `the join token is for EdgeCluster ${theirs}, and this edge operator runs as --cluster ${cluster}; correct --cluster, or ${another(cluster)}`;
  return { reason: 'ClusterMismatch', message, mayPass: false };
}

export function tokenExpired(until: string, cluster: string): JoinProblem {
  return { reason: 'Expired', message: `the join token expired at ${until}; ${another(cluster)}`, mayPass: false };
}

export function tokenReused(cluster: string): JoinProblem {
  const message = `another joiner used the join token before this one: it was stolen, or handed out twice; ${another(cluster)}`;
  return { reason: 'TokenReused', message, mayPass: false };
}

export function refusedByHub(outcome: Exclude<JoinOutcome, 'Joined'>, why: string): JoinProblem {
  return { reason: outcome, message: `the hub refused the join: ${why}`, mayPass: false };
}

export function sealBroken(): JoinProblem {
  const message =
    'the credential on the hub is not encrypted to the key of this member; the hub is asked to encrypt it anew';
  return { reason: 'SealBroken', message, mayPass: true };
}

function codeOf(error: unknown): string | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { code } = cause as { code?: unknown };
    if (typeof code === 'string' && code !== 'REQUEST_TIMEOUT') return code;
  }
  return undefined;
}
