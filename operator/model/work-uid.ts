import { createHash } from 'node:crypto';

/**
 * Names the admission of one version's bytes: the same after a restart, another when the version was added again with
 * other bytes or the model was made anew. Shaped as a UUID (version 8, RFC 9562), as every work UID is.
 */
export function admissionUID(modelUID: string, version: string, sha256: string): string {
  const digest = createHash('sha256')
    .update(JSON.stringify(['ModelAdmission', modelUID, version, sha256]))
    .digest();
  digest[6] = (digest[6]! & 0x0f) | 0x80;
  digest[8] = (digest[8]! & 0x3f) | 0x80;
  const hex = digest.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}
