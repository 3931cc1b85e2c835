import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
} from 'node:crypto';

/** What only one key can read; fields as in status.credential of an EdgeJoinRequest. */
export interface Sealed {
  readonly ephemeralPublicKey: string;
  readonly ciphertext: string;
}

/** What a seal is for: it opens under no other request and no other name. */
export interface SealContext {
  /** UID of the EdgeJoinRequest. */
  readonly requestUID: string;
  readonly cluster: string;
}

export interface JoinKey {
  /** X25519, 32 bytes in base64. */
  readonly publicKey: string;
  /** PKCS #8, DER in base64. */
  readonly privateKey: string;
}

/** The key is not one that anything could be encrypted to. */
export class SealError extends Error {}

const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;
/** SubjectPublicKeyInfo of X25519 before the 32 bytes of the key, RFC 8410. */
const spkiPrefix = Buffer.from('302a300506032b656e032100', 'hex');

export function generateJoinKey(): JoinKey {
  const { publicKey, privateKey } = generateKeyPairSync('x25519');
  return { publicKey: rawOf(publicKey).toString('base64'), privateKey: derOf(privateKey) };
}

/** As `ssh-keygen -l` writes it: for people to compare. */
export function fingerprintOf(publicKey: string): string {
  const digest = createHash('sha256').update(Buffer.from(publicKey, 'base64')).digest('base64');
  return `SHA256:${digest.replace(/=+$/, '')}`;
}

/**
 * Encrypts to an X25519 key: ephemeral Diffie-Hellman (RFC 7748), HKDF-SHA256 (RFC 5869), AES-256-GCM (docs/joining.md).
 * The key of a seal is used once, so its nonce comes from the derivation too.
 *
 * @param ephemeral for the test vector; a new one for each seal
 * @throws SealError for a key of small order, which a hostile joiner may send
 */
export function seal(
  plaintext: Uint8Array,
  publicKey: string,
  context: SealContext,
  ephemeral: KeyObject = generateKeyPairSync('x25519').privateKey,
): Sealed {
  const own = rawOf(createPublicKey(ephemeral));
  const theirs = Buffer.from(publicKey, 'base64');
  const { key, nonce } = derive(ephemeral, theirs, { ephemeral: own, recipient: theirs }, context);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
  return { ephemeralPublicKey: own.toString('base64'), ciphertext: ciphertext.toString('base64') };
}

/** @throws SealError when it was not sealed to this key and context, or was altered */
export function unseal(sealed: Sealed, privateKey: string, context: SealContext): Buffer {
  const own = createPrivateKey({ key: Buffer.from(privateKey, 'base64'), format: 'der', type: 'pkcs8' });
  const ephemeral = Buffer.from(sealed.ephemeralPublicKey, 'base64');
  const bytes = Buffer.from(sealed.ciphertext, 'base64');
  const recipient = rawOf(createPublicKey(own));
  const { key, nonce } = derive(own, ephemeral, { ephemeral, recipient }, context);
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes });
    decipher.setAuthTag(bytes.subarray(-tagBytes));
    return Buffer.concat([decipher.update(bytes.subarray(0, -tagBytes)), decipher.final()]);
  } catch (error) {
    throw new SealError('the credential was not encrypted to this key, or was altered', { cause: error });
  }
}

/** Of the private key, PKCS #8 DER in base64. */
export function publicKeyOf(privateKey: string): string {
  const key = createPrivateKey({ key: Buffer.from(privateKey, 'base64'), format: 'der', type: 'pkcs8' });
  return rawOf(createPublicKey(key)).toString('base64');
}

function derive(
  own: KeyObject,
  theirs: Buffer,
  keys: { readonly ephemeral: Buffer; readonly recipient: Buffer },
  { requestUID, cluster }: SealContext,
): { key: Buffer; nonce: Buffer } {
  let shared: Buffer;
  try {
    const publicKey = createPublicKey({ key: Buffer.concat([spkiPrefix, theirs]), format: 'der', type: 'spki' });
    shared = diffieHellman({ privateKey: own, publicKey });
  } catch (error) {
    throw new SealError('the public key is no X25519 key that can be encrypted to', { cause: error });
  }
  const salt = Buffer.concat([keys.ephemeral, keys.recipient]);
  const info = Buffer.from(`isochrone/credential/v2\0${requestUID}\0${cluster}`);
  const derived = Buffer.from(hkdfSync('sha256', shared, salt, info, keyBytes + nonceBytes));
  return { key: derived.subarray(0, keyBytes), nonce: derived.subarray(keyBytes) };
}

function rawOf(publicKey: KeyObject): Buffer {
  return publicKey.export({ format: 'der', type: 'spki' }).subarray(spkiPrefix.length);
}

function derOf(privateKey: KeyObject): string {
  return privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64');
}
