import { ApiError, core, type ApiClient, type KubeObject } from '@isochrone/kube';
import { VERSION } from '../version.ts';
import type { ArchiveHeader } from './archive.ts';
import { keptObject, keptResources, operatorObjects, selectorOf, type KeptObject } from './kept-objects.ts';

export interface CollectOptions {
  /** Whether the operator's Secret is left out. */
  readonly withoutSecrets?: boolean;
}

export interface Snapshot {
  readonly header: ArchiveHeader;
  readonly objects: readonly KeptObject[];
}

const tries = 3;

/**
 * The objects of one moment of the hub: every kind is listed at the version of the first list. They are read before the
 * ledger, so that nothing they tell is ahead of it: a job that is Complete here is paid there.
 * @param now milliseconds since 1970
 * @throws ApiError
 */
export async function collectObjects(
  client: ApiClient,
  now: number,
  { withoutSecrets = false }: CollectOptions = {},
): Promise<Snapshot> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await collectOnce(client, now, withoutSecrets);
    } catch (error) {
      // Compacted while it was read: begin again, at a newer moment.
      if (!(error instanceof ApiError && error.isGone) || attempt === tries) throw error;
    }
  }
}

async function collectOnce(client: ApiClient, now: number, withoutSecrets: boolean): Promise<Snapshot> {
  const own: KeptObject[] = [];
  for (const { resource, ref } of operatorObjects) {
    if (withoutSecrets && resource.plural === core.secrets.plural) continue;
    const found = await client.find<KubeObject>(resource, ref);
    if (found !== undefined) own.push(keptObject(resource, found));
  }
  const { resourceVersion } = (await client.list(keptResources[0]!, { limit: 1 })).metadata;
  const at = { resourceVersion: resourceVersion!, resourceVersionMatch: 'Exact' } as const;
  const objects: KeptObject[] = [];
  for (const resource of keptResources) {
    for await (const object of client.listAll(resource, { ...at, ...selectorOf(resource) }))
      objects.push(keptObject(resource, object));
  }
  const header = {
    program: VERSION,
    createdAt: new Date(now).toISOString(),
    hub: client.server,
    resourceVersion: resourceVersion!,
  };
  return { header, objects: [...own, ...objects] };
}
