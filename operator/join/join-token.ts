import { OperatorError } from '../errors.ts';

/** What a member needs to join: all of it is in the one string that an administrator hands over. */
export interface JoinToken {
  /** Where the member finds the API of the hub. */
  readonly server: string;
  /** PEM bundle that must have signed the hub's certificate, and no other. Absent for a hub with a publicly trusted one. */
  readonly ca?: string;
  /** Name of the EdgeJoinRequest. */
  readonly id: string;
  readonly namespace: string;
  /** Of the EdgeCluster. */
  readonly cluster: string;
  /** Bound ServiceAccount token that may read the request and write its status. */
  readonly token: string;
}

const prefix = 'isochrone-join-v1.';

export function formatJoinToken({ server, ca, id, namespace, cluster, token }: JoinToken): string {
  const fields = { server, ...(ca === undefined ? {} : { ca }), id, namespace, cluster, token };
  return `${prefix}${Buffer.from(JSON.stringify(fields)).toString('base64url')}`;
}

/**
 * @param source where the text came from, for the message, which never quotes the text
 * @throws OperatorError JOIN_TOKEN_INVALID
 */
export function parseJoinToken(text: string, source: string): JoinToken {
  const trimmed = text.trim();
  const invalid = (what: string): OperatorError =>
    new OperatorError(
      'JOIN_TOKEN_INVALID',
      `${source}: ${what}; copy the whole line of "kubectl isochrone edge token create"`,
    );
  if (!trimmed.startsWith(prefix)) throw invalid(`a join token begins with ${prefix}`);
  let fields: Partial<Record<keyof JoinToken, unknown>> | null;
  try {
    fields = JSON.parse(Buffer.from(trimmed.slice(prefix.length), 'base64url').toString('utf8')) as typeof fields;
  } catch (error) {
    // The cause would quote the text.
    if (error instanceof SyntaxError) throw invalid('the join token is cut short or damaged');
    throw error;
  }
  const { server, ca, id, namespace, cluster, token } = fields ?? {};
  if (typeof server !== 'string' || !URL.canParse(server)) throw invalid('the join token names no server');
  if (ca !== undefined && (typeof ca !== 'string' || !ca.includes('BEGIN CERTIFICATE')))
    throw invalid('the certificate authority in the join token is not PEM');
  if (!isName(id) || !isName(namespace) || !isName(cluster) || typeof token !== 'string')
    throw invalid('the join token lacks a field');
  return { server, ...(ca === undefined ? {} : { ca }), id, namespace, cluster, token };
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(value);
}
