import { createPublicKey, type KeyObject } from 'node:crypto';

/** The 12 bytes before the 32 of an Ed25519 key in SubjectPublicKeyInfo (RFC 8410 §10.1). */
const ed25519Prefix = Buffer.from('302a300506032b6570032100', 'hex');

/** The key that the hub pinned in an InferenceNode: 32 bytes in base64. Undefined when it is not one. */
export function pinnedKey(publicKey: string): KeyObject | undefined {
  const raw = Buffer.from(publicKey, 'base64');
  if (raw.byteLength !== 32) return undefined;
  return createPublicKey({ key: Buffer.concat([ed25519Prefix, raw]), format: 'der', type: 'spki' });
}
