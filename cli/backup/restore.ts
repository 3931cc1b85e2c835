import {
  edgeClusterResource,
  clusterOfNamespace,
  inferenceJobResource,
  inferenceTaskResource,
  names,
  SYSTEM_NAMESPACE,
  type InferenceTask,
} from '@isochrone/api';
import { core, refOf, removeAllFinalizers, type ApiClient, type Resource } from '@isochrone/kube';
import type { Ledger } from '@isochrone/ledger';
import { deleteTaskAndAccess } from '@isochrone/operator/delete-task';
import { CliError } from '../errors.ts';
import type { Archive } from './archive.ts';
import {
  isJob,
  keptResources,
  namespaceInTheWay,
  objectToCreate,
  operatorObjects,
  restorable,
  selectorOf,
  statusToRestore,
  workUIDOf,
  type KeptObject,
} from './kept-objects.ts';

export interface RestoreDeps {
  readonly client: ApiClient;
  readonly ledger: Ledger;
  readonly archive: Archive;
  /** Whether what the hub has now is deleted first. */
  readonly replace: boolean;
}

export interface Restored {
  readonly objects: Readonly<Record<string, number>>;
  readonly ledger: 'restored' | 'replayed';
  /** Holds of jobs that the backup does not have, given back. */
  readonly refunded: number;
  /** Members without a credential on the hub: with their namespace it was lost. */
  readonly toEnrol: readonly string[];
}

const resourceOf = new Map<string, Resource>(
  [...keptResources, ...operatorObjects.map(({ resource }) => resource as Resource)].map((one) => [one.kind, one]),
);

/** What hinders a restoration; looked at before anything is changed. @throws CliError TARGET_NOT_EMPTY; ApiError */
export async function assertRestorable({ client, archive, replace }: RestoreDeps): Promise<void> {
  const present: string[] = [];
  const known = new Set<string>();
  for (const { kind, metadata } of archive.kept) if (kind === edgeClusterResource.kind) known.add(metadata.uid!);
  for (const resource of ownResources()) {
    const { items } = await client.list(resource, { limit: 500, ...selectorOf(resource) });
    if (items.length > 0) present.push(`${items.length} ${resource.plural}`);
    if (resource.kind === edgeClusterResource.kind) for (const { metadata } of items) known.add(metadata.uid!);
  }
  if (present.length > 0 && !replace) {
    throw new CliError(
      'TARGET_NOT_EMPTY',
      `${client.server} has ${present.join(', ')}; restore into an empty hub, or give --replace to have them deleted first`,
    );
  }
  for (const namespace of restorable(archive.kept).filter(({ kind }) => kind === core.namespaces.kind)) {
    const existing = await client.find(core.namespaces, { name: namespace.metadata.name! });
    const why = existing && namespaceInTheWay(existing, namespace, known);
    if (why !== undefined) throw new CliError('TARGET_NOT_EMPTY', why);
  }
  const [secret] = operatorObjects;
  const hasSecret = archive.kept.some(({ kind }) => kind === core.secrets.kind);
  if (archive.kept.some(isJob) && !hasSecret && (await client.find(secret.resource, secret.ref)) === undefined) {
    throw new CliError(
      'BACKUP_INVALID',
      `the backup was made without secrets, and Secret ${secret.ref.namespace}/${secret.ref.name} is not on the hub; restore it first from where it is kept`,
    );
  }
}

/**
 * Writes hub and ledger, while no operator leads. The ledger comes first and at once, so that whatever interrupts the rest
 * leaves books in which no number is given out twice; then the objects, jobs last. The same again, with `replace`, goes on.
 * @throws LedgerError LEDGER_NOT_EMPTY, DUMP_INVALID, LEDGER_CORRUPT; ApiError
 */
export async function restoreAll(deps: RestoreDeps, leading: AbortSignal): Promise<Restored> {
  const { client, ledger, archive, replace } = deps;
  const told = await ledger.restore({ source: archive.sha256, rows: archive.rows() });
  if (replace) await removeAll(client, archive, leading);
  const counts: Record<string, number> = {};
  const toEnrol: string[] = [];
  /** From the UIDs of the backup to those of the hub. */
  const newUIDs = new Map<string, string>();
  for (const object of restorable(archive.kept)) {
    leading.throwIfAborted();
    const uid = await restoreObject(client, object, newUIDs);
    if (object.metadata.uid !== undefined && uid !== undefined) newUIDs.set(object.metadata.uid, uid);
    if (object.kind === core.namespaces.kind && !(await hasCredential(client, object.metadata.name!)))
      toEnrol.push(clusterOfNamespace(object.metadata.name)!);
    counts[object.kind] = (counts[object.kind] ?? 0) + 1;
  }
  return { objects: counts, ledger: told, refunded: await refundOrphans(ledger, archive), toEnrol };
}

/** All kinds that a hub with a life of its own has. */
function ownResources(): Resource[] {
  return [inferenceTaskResource, ...keptResources.filter(({ plural }) => plural !== core.namespaces.plural)].reverse();
}

/** Namespaces of members stay, with their credentials: edges go on without a new enrolment. */
async function removeAll(client: ApiClient, archive: Archive, leading: AbortSignal): Promise<void> {
  for (const resource of ownResources()) {
    for await (const object of client.listAll(resource, selectorOf(resource))) {
      leading.throwIfAborted();
      if (resource.kind === inferenceTaskResource.kind) {
        await deleteTaskAndAccess(client, object as InferenceTask);
        continue;
      }
      // No operator is there to do what they are for; the books are those of the backup now.
      await removeAllFinalizers(client, resource, object);
      await client.delete(resource, refOf(object));
    }
  }
  for (const { resource, ref } of operatorObjects)
    if (archive.kept.some(({ kind }) => kind === resource.kind)) await client.delete(resource, ref);
}

async function restoreObject(
  client: ApiClient,
  object: KeptObject,
  newUIDs: ReadonlyMap<string, string>,
): Promise<string | undefined> {
  const resource = resourceOf.get(object.kind);
  if (resource === undefined)
    throw new CliError('BACKUP_INVALID', `the backup has a ${object.kind}, which this program does not restore`);
  const wanted = objectToCreate(object, newUIDs);
  const ref = refOf(wanted);
  if (isJob(object)) await ensureNamespace(client, object.metadata.namespace);
  if (object.kind === core.namespaces.kind && (await client.find(resource, ref)) !== undefined) {
    const { labels, annotations } = wanted.metadata;
    const { metadata } = await client.mergePatch(core.namespaces, ref, {
      metadata: { ...(labels && { labels }), ...(annotations && { annotations }) },
    });
    return metadata.uid;
  }
  const { metadata } = await client.create(resource, wanted);
  const status = statusToRestore(object);
  if (status !== undefined) await client.mergePatch(resource, ref, { status } as object, { subresource: 'status' });
  if (isJob(object) && object.spec?.['suspend'] !== true)
    await client.mergePatch(inferenceJobResource, ref, { spec: { suspend: false } });
  // It was being deleted: the operator ends what it began.
  if (object.metadata.deletionTimestamp !== undefined) await client.delete(resource, ref);
  return metadata.uid;
}

/** Asked, and not concluded from what was made: whoever was interrupted made the namespace in an earlier try. */
async function hasCredential(client: ApiClient, namespace: string): Promise<boolean> {
  return (await client.find(core.secrets, { namespace, name: names.edgeCredential })) !== undefined;
}

/** @throws ApiError */
export async function ensureNamespace(client: ApiClient, name: string = SYSTEM_NAMESPACE): Promise<void> {
  if ((await client.find(core.namespaces, { name })) === undefined)
    await client.create(core.namespaces, { metadata: { name } });
}

/** Jobs that were made between the reading of the objects and of the ledger are in the ledger alone. */
async function refundOrphans(ledger: Ledger, archive: Archive): Promise<number> {
  const jobs = new Set(archive.kept.filter(isJob).map(workUIDOf));
  const orphans = (await ledger.heldAttempts()).filter(({ jobUID }) => !jobs.has(jobUID));
  if (orphans.length === 0) return 0;
  const token = await ledger.acquireLeadership('restore');
  for (const { jobUID, attempt } of orphans)
    await ledger.refund({ token, jobUID, attempt, reason: 'NotRestored', charged: false });
  return orphans.length;
}
