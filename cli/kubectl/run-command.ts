import { createWriteStream } from 'node:fs';
import { readFile, rename, rm } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import { inferenceJobResource } from '@isochrone/api';
import { parseS3URI, readStorageSecret, S3Client } from '@isochrone/operator/storage';
import { parseDuration } from '../duration.ts';
import { CliError } from '../errors.ts';
import { ProgressBar } from '../progress-bar.ts';
import { withConnection, type Connection, type ConnectionOptions } from './connection.ts';
import { parseModelRef, pickVersion, readModel } from './model-ref.ts';
import { joinedResults } from './joined-results.ts';
import { assertNpy, removeRun, runJob, runName, runPrefix, untilOver, type RunPlan } from './run.ts';

interface RunFlags extends ConnectionOptions {
  readonly output?: string;
  readonly file?: string;
  readonly input?: string;
  readonly storage: string;
  readonly secret: string;
  readonly name?: string;
  readonly budget: string;
  readonly recordsPerShard?: string;
  readonly timeout: string;
  readonly rm?: true;
}

export function addRunCommand(program: Command): void {
  program
    .command('run')
    .description('Run a model once on the records of a file, of standard input or of an object, and get its outputs.')
    .argument('<model>', 'NAME:VERSION, or NAME of a model with one version')
    .option('-f, --file <file>', '.npy array whose first axis is the records; - for standard input')
    .option(
      '--input <uri>',
      's3://bucket/key, s3://bucket/prefix/ or http(s) address of such arrays, instead of --file',
    )
    .requiredOption('--storage <uri>', 's3://bucket/prefix/ where the input of --file and the results are kept')
    .requiredOption('--secret <name>', 'Secret in the namespace with the credentials of the storage')
    .option('-o, --output <file>', '.npy file for the outputs (default: standard output, unless it is a terminal)')
    .option('--name <name>', 'name of the InferenceJob (default: a new one after the model)')
    .option('--budget <amount>', 'most that it may cost', '1.00')
    .option('--records-per-shard <records>', 'records of one unit of work (default: 256)')
    .option('--timeout <duration>', 'how long the job may take, and is waited for; 0: as long as it takes', '10m')
    .option('--rm', 'remove the job, the uploaded input and the results in the end')
    .action(async (text: string, _own: object, command: Command) => {
      const flags = command.optsWithGlobals<RunFlags>();
      assertFlags(flags);
      const bytes = flags.file === undefined ? undefined : await readInput(flags.file);
      await withConnection(flags, (connected) => run(connected, text, flags, bytes));
    });
}

/** @throws CliError USAGE */
function assertFlags({ file, input, storage, output, recordsPerShard }: RunFlags): void {
  if ((file === undefined) === (input === undefined))
    throw new CliError('USAGE', 'give the records either by --file FILE (or -) or by --input s3://bucket/key');
  parseS3URI(storage);
  if (recordsPerShard !== undefined && !/^[1-9]\d{0,8}$/.test(recordsPerShard))
    throw new CliError('USAGE', `--records-per-shard is ${JSON.stringify(recordsPerShard)}; write a positive integer`);
  if (output === undefined && process.stdout.isTTY)
    throw new CliError('USAGE', 'standard output is a terminal, and the outputs are binary; name a file by -o FILE');
}

async function readInput(file: string): Promise<Uint8Array> {
  const bytes =
    file === '-'
      ? await buffer(process.stdin)
      : await readFile(file).catch((cause: unknown) => {
          throw new CliError('NOT_FOUND', `--file is ${JSON.stringify(file)}, which cannot be read`, { cause });
        });
  assertNpy(bytes, file === '-' ? 'standard input' : file);
  return bytes;
}

async function run(connected: Connection, text: string, flags: RunFlags, bytes: Uint8Array | undefined): Promise<void> {
  const { client, namespace } = connected;
  const ref = parseModelRef(text);
  const { version } = pickVersion(await readModel(connected, ref.name), ref);
  const limit = parseDuration('--timeout', flags.timeout);
  const plan: RunPlan = {
    ...{ name: flags.name ?? runName(ref.name), namespace, model: { name: ref.name, version } },
    ...{ storage: flags.storage, secret: flags.secret, budget: flags.budget },
    ...(flags.input === undefined ? {} : { input: flags.input }),
    ...(flags.recordsPerShard === undefined ? {} : { recordsPerShard: Number(flags.recordsPerShard) }),
    ...(limit === 0 ? {} : { activeDeadlineSeconds: Math.ceil(limit / 1000) }),
  };
  const storage = new S3Client(await readStorageSecret(client, { namespace, name: flags.secret }));
  const input = parseS3URI(`${runPrefix(plan)}input.npy`);
  if (bytes !== undefined) await storage.put(input, bytes, { ifNoneMatch: '*' });
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  const bar = new ProgressBar(process.stderr, plan.name);
  let isCreated = false;
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  try {
    await client.create(inferenceJobResource, runJob(plan));
    isCreated = true;
    if (flags.rm !== true) {
      const why = `kubectl isochrone why job/${plan.name} -n ${namespace}`;
      process.stderr.write(`inferencejob.isochrone.dev/${plan.name} created; how it is: ${why}\n`);
    }
    // The deadline of the job counts from its admission, which what it names may keep it from for ever.
    const patience = limit === 0 ? stop.signal : AbortSignal.any([stop.signal, AbortSignal.timeout(limit)]);
    await untilOver(client, plan, patience, ({ status }) => {
      const { complete = 0, total = 1 } = status?.shards ?? {};
      bar.show(complete, total, status?.message ?? 'waiting for the operator');
    });
    bar.end();
    await write(joinedResults(connected, plan.name), flags.output);
  } finally {
    bar.end();
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
    if (!isCreated && bytes !== undefined) await storage.delete(input);
    if (isCreated && flags.rm === true) await removeRun(connected, storage, plan);
  }
}

/** A file appears when it is whole. */
async function write(outputs: AsyncIterable<Uint8Array>, file: string | undefined): Promise<void> {
  if (file === undefined || file === '-') {
    await pipeline(outputs, process.stdout, { end: false });
    return;
  }
  const partial = `${file}.partial`;
  try {
    await pipeline(outputs, createWriteStream(partial));
    await rename(partial, file);
  } finally {
    await rm(partial, { force: true });
  }
}
