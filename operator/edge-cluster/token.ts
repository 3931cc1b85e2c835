/** What a bound ServiceAccount token says of itself. Times in milliseconds since 1970. */
export interface TokenClaims {
  readonly issuedAt: number;
  readonly expiresAt: number;
  readonly serviceAccountUID: string;
  /** Of the Secret that the token is bound to: it ends with it. */
  readonly secretUID: string | undefined;
}

interface RawClaims {
  iat?: unknown;
  exp?: unknown;
  'kubernetes.io'?: { serviceaccount?: { uid?: unknown }; secret?: { uid?: unknown } };
}

/** Reads the claims without checking the signature: who wrote the token is known, only its dates are asked. Undefined for anything that is no such token. */
export function tokenClaims(token: string): TokenClaims | undefined {
  const payload = token.split('.')[1];
  if (payload === undefined) return undefined;
  let raw: RawClaims;
  try {
    raw = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as RawClaims;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  const { iat, exp } = raw;
  const bound = raw['kubernetes.io'];
  const serviceAccountUID = bound?.serviceaccount?.uid;
  const secretUID = bound?.secret?.uid;
  if (typeof iat !== 'number' || typeof exp !== 'number' || typeof serviceAccountUID !== 'string') return undefined;
  return {
    issuedAt: iat * 1000,
    expiresAt: exp * 1000,
    serviceAccountUID,
    secretUID: typeof secretUID === 'string' ? secretUID : undefined,
  };
}

/** When a token is to be replaced: at two thirds of its life, so that one third is left to deliver the next. @returns milliseconds since 1970 */
export function rotationTime({ issuedAt, expiresAt }: TokenClaims): number {
  return issuedAt + ((expiresAt - issuedAt) * 2) / 3;
}
