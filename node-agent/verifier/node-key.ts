import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeDurably } from '../durable-file.ts';
import { AgentError } from '../errors.ts';

export interface NodeKey {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** The 32 bytes of the public key (RFC 8032). */
  readonly rawPublicKey: Uint8Array;
}

/**
 * The node's identity: made once, then only read. A key that cannot be read is an error, never replaced: with another key the
 * node is another node to the hub.
 * @throws AgentError STATE_INVALID
 */
export async function loadNodeKey(directory: string): Promise<NodeKey> {
  const path = join(directory, 'node.key');
  const pem = (await readIfThere(path)) ?? (await makeKey(path));
  try {
    const privateKey = createPrivateKey(pem);
    if (privateKey.asymmetricKeyType !== 'ed25519')
      throw new Error(`it is a key of type ${String(privateKey.asymmetricKeyType)}`);
    const publicKey = createPublicKey(privateKey);
    const rawPublicKey = Buffer.from(publicKey.export({ format: 'jwk' }).x!, 'base64url');
    return { privateKey, publicKey, rawPublicKey };
  } catch (cause) {
    const message = `${path} is no Ed25519 key: ${(cause as Error).message}; restore it, or remove it to become a new node`;
    throw new AgentError('STATE_INVALID', message, { cause });
  }
}

async function makeKey(path: string): Promise<string> {
  const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  await writeDurably(path, pem);
  return pem;
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
