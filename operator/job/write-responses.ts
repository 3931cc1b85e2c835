import { createHash } from 'node:crypto';
import { openAsBlob } from 'node:fs';
import { join } from 'node:path';
import { readDelivered } from '../attempt/delivered-object.ts';
import { readRows } from '../attempt/row-reader.ts';
import { namedTensors } from '../attempt/window.ts';
import { OperatorError } from '../errors.ts';
import { BoundedFile } from '../input/bounded-file.ts';
import { responseLine } from '../input/response-line.ts';
import { inScratchFolder } from '../input/scratch-folder.ts';
import type { Attempt, AttemptShard } from './attempts.ts';
import type { JobShell } from './job-shell.ts';
import { copiedIds, outputLocation, responsesPath } from './job-storage.ts';

/** The outputs of a shard as responses, as the manifest tells of them. */
export interface WrittenResponses {
  /** Relative to the output prefix. */
  readonly path: string;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** One PUT of S3 takes no more. */
const mostBytes = 5 * 1024 ** 3;

/**
 * Writes the outputs that stand as responses of the Open Inference Protocol, a line for each request, in its order. They are a
 * function of what was paid and of the ids of the requests: again, the same bytes are written.
 * @throws DeliveredMismatch, OutputOffForm for outputs that are not the verified ones any more; OperatorError STORAGE_*
 */
export async function writeResponses(shell: JobShell, signal: AbortSignal): Promise<void> {
  const { memory } = shell;
  const paid = memory.attempts!.filter(({ purpose, state }) => purpose === 'Work' && state === 'Released');
  for (const attempt of paid)
    for (const shard of attempt.shards)
      if (!memory.responses.has(shard.index))
        memory.responses.set(shard.index, await writeShard(shell, attempt, shard, signal));
}

async function writeShard(
  shell: JobShell,
  { attempt }: Attempt,
  { index, records, output: signed }: AttemptShard,
  signal: AbortSignal,
): Promise<WrittenResponses> {
  const { output } = await shell.storage();
  const { name: taskName } = shell.identity(attempt);
  const { version, outputs } = shell.model();
  const forms = outputs.map(({ name, dataType, shape }) => ({ name, dataType, recordShape: shape.slice(1) }));
  const model = { name: shell.job.spec.modelRef.name, version: version.version };
  const path = responsesPath(taskName, index);
  const location = outputLocation(output, taskName, index);
  const delivered = { sha256: Buffer.from(signed!.sha256, 'hex'), bytes: signed!.sizeBytes, records };
  return inScratchFolder(async (folder) => {
    const hash = createHash('sha256');
    const file = await BoundedFile.create(join(folder, 'responses'), { limit: mostBytes, used: 0, refuse: tooLarge });
    const ids = requestIds(shell, index * shell.job.spec.recordsPerShard, records, signal);
    try {
      await readDelivered(
        output.client,
        location,
        delivered,
        forms,
        async (row, _index, header) => {
          const id = (await ids.next()).value ?? undefined;
          const line = Buffer.from(`${responseLine(model, id, namedTensors(header, row))}\n`);
          hash.update(line);
          await file.append(line, path);
        },
        signal,
      );
      await file.finish();
    } finally {
      await ids.return();
      await file.close();
    }
    const body = await openAsBlob(join(folder, 'responses'));
    const at = { bucket: output.location.bucket, key: `${output.location.key}${path}` };
    await output.client.put(at, body, { contentType: 'application/x-ndjson', signal });
    return { path, sha256: hash.digest('hex'), sizeBytes: file.bytes };
  });
}

function tooLarge(path: string): OperatorError {
  return new OperatorError(
    'STORAGE_REFUSED',
    `${path} would have more than ${mostBytes} bytes, which S3 does not take at once; create a job with fewer recordsPerShard`,
  );
}

/** The ids of requests that follow one another; undefined for one that has none. */
async function* requestIds(
  shell: JobShell,
  first: number,
  count: number,
  signal: AbortSignal,
): AsyncGenerator<string | undefined, void> {
  const { ids } = shell.job.status!.input!;
  if (ids === undefined) return;
  const { input } = await shell.storage();
  const { etag, dataOffset, recordBytes: rowBytes } = ids;
  const object = { client: input.client, location: copiedIds(input), etag, dataOffset, rowBytes };
  const refs = Array.from({ length: count }, (_, index) => ({ object, row: first + index }));
  for await (const row of readRows(refs, signal)) {
    const end = row.indexOf(0);
    yield Buffer.from(end < 0 ? row : row.subarray(0, end)).toString('utf8') || undefined;
  }
}
