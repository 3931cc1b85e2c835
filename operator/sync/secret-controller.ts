import type { InferenceTask } from '@isochrone/api';
import {
  Controller,
  core,
  done,
  refOf,
  type Logger,
  type MergePatch,
  type ReconcileResult,
  type Secret,
} from '@isochrone/kube';
import { controllerDefaults } from '../controller-defaults.ts';
import { copyOfSecret, originOf } from './copy.ts';
import { decideSecret } from './decide-secret.ts';
import type { SyncDeps } from './deps.ts';

/** Brings the Secrets that tasks read to the member, and removes them after the last. Its key is the name of a Secret. */
export function createSecretSync(deps: SyncDeps): Controller {
  const { hubSecrets, memberSecrets, hubTasks, memberTasks, logger, metrics, clock } = deps;
  const name = ({ metadata }: Secret): string[] => [metadata.name ?? ''];
  const readSecret = ({ spec }: InferenceTask): string[] => [spec.storageSecretName];
  return new Controller({
    ...controllerDefaults,
    name: 'secret-sync',
    concurrency: 8,
    logger,
    metrics,
    clock,
    reconcile: (key, { logger }) => reconcile(deps, key, logger),
  })
    .watches(hubSecrets, name)
    .watches(memberSecrets, name)
    .watches(hubTasks, readSecret)
    .watches(memberTasks, readSecret);
}

async function reconcile(deps: SyncDeps, name: string, logger: Logger): Promise<ReconcileResult> {
  const { hubSecrets, memberSecrets, hubTasks, memberTasks, hubNamespace, memberNamespace, member, syncMetrics } = deps;
  const hub = hubSecrets.get(`${hubNamespace}/${name}`);
  const copy = memberSecrets.get(`${memberNamespace}/${name}`);
  const action = decideSecret({
    hub,
    copy,
    isWanted: hubTasks.byIndex('secret', name).length > 0,
    isInUse: memberTasks.byIndex('secret', name).some((task) => originOf(task) !== undefined),
  });
  switch (action) {
    case 'None':
      return done;
    case 'Create':
      await member.create(core.secrets, copyOfSecret(hub!, memberNamespace));
      return done;
    case 'Update': {
      const { resourceVersion } = copy!.metadata;
      const patch: MergePatch<Secret> = { metadata: { resourceVersion: resourceVersion ?? '' }, data: hub!.data ?? {} };
      await member.mergePatch(core.secrets, refOf(copy!), patch);
      return done;
    }
    case 'Delete': {
      const { uid } = copy!.metadata;
      await member.delete(core.secrets, refOf(copy!), uid === undefined ? {} : { uid });
      return done;
    }
    case 'Stranger':
      syncMetrics.strangers.inc();
      logger.warn({ secret: name }, 'a Secret that did not come from the hub has the name of a copy; it is left alone');
      return done;
  }
}
