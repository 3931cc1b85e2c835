import { seal, SealError, unseal, type SealContext, type Sealed } from './seal.ts';

/** What the hub gives to a member, and again with every rotation. */
export interface Credential {
  /** Bound ServiceAccount token. */
  readonly token: string;
  /** Where the member is to find the hub. Absent while the hub has no other word on it than the join token. */
  readonly server?: string;
  /** PEM bundle of the authorities that the hub's certificate may be of. Absent for a publicly trusted one. */
  readonly ca?: string;
}

/** @throws SealError for a key that nothing can be encrypted to */
export function sealCredential({ token, server, ca }: Credential, publicKey: string, context: SealContext): Sealed {
  return seal(Buffer.from(JSON.stringify({ token, server, ca })), publicKey, context);
}

/** @throws SealError when it was not sealed to this key and context, was altered, or is no credential */
export function openCredential(sealed: Sealed, privateKey: string, context: SealContext): Credential {
  const text = unseal(sealed, privateKey, context).toString('utf8');
  let fields: Partial<Record<keyof Credential, unknown>> | null;
  try {
    fields = JSON.parse(text) as typeof fields;
  } catch (error) {
    // The cause would quote the text.
    if (error instanceof SyntaxError) throw new SealError('what was encrypted to this key is no JSON');
    throw error;
  }
  const { token, server, ca } = fields ?? {};
  if (typeof token !== 'string' || !isTextOrAbsent(server) || !isTextOrAbsent(ca))
    throw new SealError('what was encrypted to this key is no credential: it needs token, and server and ca as text');
  return { token, ...(server === undefined ? {} : { server }), ...(ca === undefined ? {} : { ca }) };
}

/** Whether anything can be encrypted to the key, which a hostile joiner chose. */
export function isSealable(publicKey: string): boolean {
  try {
    seal(Buffer.alloc(0), publicKey, { requestUID: '', cluster: '' });
    return true;
  } catch (error) {
    if (error instanceof SealError) return false;
    throw error;
  }
}

function isTextOrAbsent(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string';
}
