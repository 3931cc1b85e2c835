import { randomBytes } from 'node:crypto';
import { names } from '@isochrone/api';
import { ApiError, core, type ApiClient } from '@isochrone/kube';
import { OperatorError } from '../errors.ts';

/** What only the operator may know; 32 bytes each. */
export interface OperatorSecret {
  /** Derives work UIDs, task names and the order of composed rows. */
  readonly names: Uint8Array;
  /** Seed of the chain of sampling keys. */
  readonly sampling: Uint8Array;
}

const keys = { names: 'names', sampling: 'sampling-seed' } as const;

/** Reads the operator's Secret, or makes it once. @throws OperatorError OPERATOR_SECRET_INVALID; ApiError */
export async function loadOperatorSecret(client: ApiClient, namespace: string): Promise<OperatorSecret> {
  const ref = { namespace, name: names.operatorSecret };
  for (;;) {
    const secret = await client.find(core.secrets, ref);
    if (secret !== undefined) {
      const read = (key: string): Uint8Array => {
        const bytes = Buffer.from(secret.data?.[key] ?? '', 'base64');
        if (bytes.byteLength === 32) return bytes;
        throw new OperatorError(
          'OPERATOR_SECRET_INVALID',
          `Secret ${namespace}/${ref.name} needs 32 bytes under ${key}; restore it from a backup, or delete it when no job is open`,
        );
      };
      return { names: read(keys.names), sampling: read(keys.sampling) };
    }
    const data = {
      [keys.names]: randomBytes(32).toString('base64'),
      [keys.sampling]: randomBytes(32).toString('base64'),
    };
    try {
      await client.create(core.secrets, { metadata: ref, type: 'Opaque', immutable: true, data });
    } catch (error) {
      if (!(error instanceof ApiError && error.isAlreadyExists)) throw error;
    }
  }
}
