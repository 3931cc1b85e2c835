import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { ApiClient } from '@isochrone/kube';
import { openLedger } from '@isochrone/ledger';
import { readResults } from '../../examples/ocr/read.ts';
import { describeError } from '../errors.ts';
import { exitStatus } from '../exit-status.ts';
import { fetchResults } from '../kubectl/results.ts';
import { startFederation, type Federation } from './federation.ts';
import { followJob, type JobHistory } from './follow-job.ts';
import { isochrone } from './isochrone.ts';
import { admitOcrModel, ocrJob, ocrNamespace, submitOcrJob, uploadOcr } from './ocr-job.ts';
import { Progress } from './progress.ts';
import { checks, report, type Evidence } from './report.ts';
import { ocrMembers } from './topology.ts';

export interface DemoOptions {
  /** Leave it up until a signal comes. */
  readonly keep: boolean;
}

const jobTimeoutMilliseconds = 120_000;

/** Runs the demonstration as `make demo` does. @returns the exit status: 0 only if everything that is promised held */
export async function runDemo({ keep }: DemoOptions): Promise<number> {
  const progress = new Progress(process.stderr, () => performance.now());
  const stop = new AbortController();
  const onSignal = (signal: NodeJS.Signals): void => {
    if (!stop.signal.aborted) progress.line(`${signal}: stopping everything`);
    stop.abort(new Error(`stopped by ${signal}`));
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal).on('SIGHUP', onSignal);
  let federation: Federation | undefined;
  try {
    progress.begin('starting four clusters, an S3 server and the programs', 45);
    federation = await startFederation({ signal: stop.signal, onStep: (step) => progress.done(step) });
    const evidence = await demonstrate(federation, progress, stop.signal);
    process.stdout.write(`\n${report(evidence)}\n`);
    const failed = checks(evidence).filter(({ holds }) => !holds);
    if (keep) await keepUntil(federation, stop.signal);
    return failed.length === 0 ? exitStatus.ok : exitStatus.failed;
  } catch (error) {
    if (stop.signal.aborted) return exitStatus.failed;
    progress.line(`FAILED: ${describeError(error).message}`);
    if (federation !== undefined) await printLogs(federation);
    if (keep && federation !== undefined) await keepUntil(federation, stop.signal);
    return exitStatus.failed;
  } finally {
    await federation?.stop();
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal).off('SIGHUP', onSignal);
    progress.line('everything is stopped and removed');
  }
}

async function demonstrate(federation: Federation, progress: Progress, signal: AbortSignal): Promise<Evidence> {
  progress.begin('uploading the model and 72 lines of novels');
  await uploadOcr(federation);
  progress.begin('a trusted node admits the model and measures it', 10);
  const referenceNanosecondsPerRecord = await admitOcrModel(federation, signal);
  progress.done(`approved: ${(referenceNanosecondsPerRecord / 1e6).toFixed(1)} ms per record is the unit of payment`);
  await isochrone(
    ['ledger', 'deposit', ocrNamespace, '10.00', '--ledger', federation.ledger, '--idempotency-key', 'demo'],
    signal,
  );
  progress.done('deposited 10.00 for namespace vision');
  progress.begin('the job', 40);
  await submitOcrJob(federation);
  const client = await ApiClient.fromKubeconfig({ path: federation.hub.adminKubeconfig });
  try {
    const history = await followJob({
      client,
      namespace: ocrNamespace,
      name: ocrJob,
      timeoutMilliseconds: jobTimeoutMilliseconds,
      onProgress: (line) => progress.current(line),
      signal,
    });
    progress.line('the job is complete; reading its results');
    return await gather(federation, client, history, referenceNanosecondsPerRecord);
  } finally {
    await client.close();
  }
}

async function gather(
  federation: Federation,
  client: ApiClient,
  history: JobHistory,
  referenceNanosecondsPerRecord: number,
): Promise<Evidence> {
  const folder = await mkdtemp(join(tmpdir(), 'isochrone-results-'));
  try {
    await fetchResults({ client, namespace: ocrNamespace }, ocrJob, folder);
    const shards = (await readdir(folder)).filter((name) => name.endsWith('.npy')).sort();
    const reading = readResults(await Promise.all(shards.map((name) => readFile(join(folder, name)))));
    const ledger = openLedger(federation.ledger, { now: Date.now });
    try {
      const attempts = await ledger.attempts(history.job.metadata.uid ?? '');
      const books = await ledger.check().then(
        () => true as const,
        (error: unknown) => describeError(error).message,
      );
      const trusted = new Set(ocrMembers.filter(({ isHub }) => isHub === true).map(({ name }) => name));
      return { history, reading, attempts, books, trusted, referenceNanosecondsPerRecord };
    } finally {
      await ledger.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What each program said last: the machine is about to forget it. */
async function printLogs({ programs }: Federation): Promise<void> {
  for (const name of programs.names) {
    const lines = (await readFile(programs.logOf(name), 'utf8')).trimEnd().split('\n');
    const telling = lines.filter((line) => /"level":"(warn|error)"/.test(line) || !line.startsWith('{')).slice(-5);
    if (telling.length > 0) process.stderr.write(`--- ${name}\n${telling.join('\n')}\n`);
  }
}

async function keepUntil(federation: Federation, signal: AbortSignal): Promise<void> {
  const kubeconfigs = [...federation.members].filter(([, plane]) => plane !== federation.hub);
  process.stdout.write(`
It stays up until Ctrl-C. In another terminal:

  export KUBECONFIG=${federation.hub.adminKubeconfig}
  export PATH=${federation.bin}:$PATH

  kubectl get isochrone -A
  kubectl isochrone why job/${ocrJob} -n ${ocrNamespace} -o wide
  kubectl isochrone results job/${ocrJob} -n ${ocrNamespace} -o results/
  kubectl isochrone statement -n ${ocrNamespace}
  isochrone ledger statement provider/merlion-cloud --ledger ${federation.ledger}

Members:
${kubeconfigs.map(([name, plane]) => `  ${name.padEnd(14)} ${plane.adminKubeconfig}\n`).join('')}`);
  if (signal.aborted) return;
  const alive = setInterval(() => undefined, 2 ** 30);
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  clearInterval(alive);
}
