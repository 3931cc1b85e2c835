import { annotations } from '@isochrone/api';
import { formatTime, type Secret } from '@isochrone/kube';
import type { Sealed } from '../join/seal.ts';
import { tokenClaims, type TokenClaims } from './token.ts';

/** Whom the credential is for: the key that an administrator accepted. */
export interface MemberKey {
  readonly publicKey: string;
  /** UID of the EdgeJoinRequest of the key; every token is sealed for it. */
  readonly joinedBy: string;
}

/** The credential Secret of a member, without what is in it. */
export interface CredentialView {
  readonly uid: string;
  /** Undefined until a member has joined, and after a join of before credentials were sealed. */
  readonly key: MemberKey | undefined;
  readonly token: TokenClaims | undefined;
}

/** @param secret of the hub, where the member may read it and nobody but the hub write it */
export function viewCredential({ metadata, data }: Secret): CredentialView {
  const { annotations: notes = {}, uid = '' } = metadata;
  const { [annotations.publicKey]: publicKey, [annotations.joinedBy]: joinedBy } = notes;
  const key = publicKey === undefined || joinedBy === undefined ? undefined : { publicKey, joinedBy };
  // Without a key it may be of before credentials were sealed: its end is still told.
  const token = key === undefined ? tokenClaims(textOf(data?.['token'])) : notedClaims(notes);
  return { uid, key, token };
}

export function sealedOf({ data }: Secret): Sealed | undefined {
  const ephemeralPublicKey = textOf(data?.[keys.ephemeralPublicKey]);
  const ciphertext = textOf(data?.[keys.ciphertext]);
  return ephemeralPublicKey === '' || ciphertext === '' ? undefined : { ephemeralPublicKey, ciphertext };
}

/** @param claims of the token that is sealed: what conditions and metrics tell of it */
export function sealedPatch(
  { ephemeralPublicKey, ciphertext }: Sealed,
  { issuedAt, expiresAt, serviceAccountUID, secretUID }: TokenClaims,
): Noted & { readonly stringData: Record<string, string> } {
  return {
    metadata: {
      annotations: {
        [annotations.issuedTime]: formatTime(issuedAt),
        [annotations.expirationTime]: formatTime(expiresAt),
        [annotations.serviceAccountUID]: serviceAccountUID,
        ...(secretUID === undefined ? {} : { [annotations.secretUID]: secretUID }),
      },
    },
    stringData: { [keys.ephemeralPublicKey]: ephemeralPublicKey, [keys.ciphertext]: ciphertext },
  };
}

export function keyPatch({ publicKey, joinedBy }: MemberKey): Noted {
  return { metadata: { annotations: { [annotations.publicKey]: publicKey, [annotations.joinedBy]: joinedBy } } };
}

interface Noted {
  readonly metadata: { readonly annotations: Record<string, string> };
}

const keys = { ephemeralPublicKey: 'ephemeral-public-key', ciphertext: 'ciphertext' } as const;

function notedClaims(notes: Readonly<Record<string, string>>): TokenClaims | undefined {
  const issuedAt = Date.parse(notes[annotations.issuedTime] ?? '');
  const expiresAt = Date.parse(notes[annotations.expirationTime] ?? '');
  const serviceAccountUID = notes[annotations.serviceAccountUID];
  if (Number.isNaN(issuedAt) || Number.isNaN(expiresAt) || serviceAccountUID === undefined) return undefined;
  return { issuedAt, expiresAt, serviceAccountUID, secretUID: notes[annotations.secretUID] };
}

function textOf(value: string | undefined): string {
  return Buffer.from(value ?? '', 'base64').toString('utf8');
}
