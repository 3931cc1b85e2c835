/**
 * A federation of three clusters of kind on this machine, installed by the charts of this checkout; see docs/kind.md.
 *
 * Usage: node tools/kind/main.ts up | upgrade | down
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { catalog } from '../binaries/catalog.ts';
import { ToolError } from '../errors.ts';
import { buildImages } from '../images/build-images.ts';
import { command } from '../images/command.ts';
import { contextKey, labelArguments } from '../images/context.ts';
import { removeAll } from './clusters.ts';
import { KindFederation } from './federation.ts';
import { awaitJob, jobNamed, prepareJob, readDemoJob } from './job.ts';
import { ensureObjects } from './objects.ts';
import { assertPrograms } from './programs.ts';
import type { Run } from './run.ts';
import { members } from './topology.ts';

const repository = join(import.meta.dirname, '..', '..');
const folder = join(repository, 'dist', 'kind');
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => stop.abort(new ToolError('CommandFailed', `stopped by ${signal}`)));

const log = (line: string): void => console.error(line);
const run: Run = (program, args, input) =>
  command(program, args, { signal: stop.signal, ...(input !== undefined && { input }) });

const verbs: Readonly<Record<string, () => Promise<void>>> = { up, upgrade, down };

async function up(): Promise<void> {
  await assertPrograms(run, ['docker', 'kind', 'helm', 'kubectl']);
  const { federation, archives } = await build();
  await federation.ensureClusters(process.env['KIND_IMAGE']);
  await federation.load(archives);
  const objects = await ensureObjects(run, catalog().find(({ name }) => name === 'versitygw')!.version);
  await federation.installHub();
  for (const member of members) await federation.installMember(member);
  await federation.test();
  log('running the job of examples/ocr');
  const demo = await readDemoJob();
  await prepareJob(federation, objects, demo, run);
  await federation.apply([demo.job]);
  await awaitJob(federation, demo.job);
  console.log(`The job is complete. As administrator of the hub:

  export KUBECONFIG=${join(folder, `${members[0]!.cluster}.kubeconfig`)}
  kubectl get isochrone -A

make kind-upgrade installs this checkout again under a running job; make kind-down removes everything.`);
}

/** Everything is replaced by what this checkout has while a job runs, which loses nothing by it. */
async function upgrade(): Promise<void> {
  await assertPrograms(run, ['docker', 'kind', 'helm', 'kubectl']);
  const { federation, archives, tag } = await build();
  await federation.assertClusters();
  await federation.load(archives);
  const job = jobNamed((await readDemoJob()).job, `upgrade-${Date.now().toString(36)}`);
  await federation.apply([job]);
  await federation.installHub();
  for (const member of members) await federation.installMember(member);
  await awaitJob(federation, job);
  await federation.test();
  console.log(`The job ${job.metadata.name} completed across the upgrade to ${tag}.`);
}

async function down(): Promise<void> {
  await assertPrograms(run, ['docker', 'kind']);
  await removeAll(run, folder);
  await rm(folder, { recursive: true, force: true });
}

/** Each content has a tag of its own: nodes keep an image by its name. */
async function build(): Promise<{ federation: KindFederation; archives: string[]; tag: string }> {
  await mkdir(folder, { recursive: true });
  const tag = `kind-${await contextKey(repository, await labelArguments(repository))}`;
  const images = await buildImages({ tag, output: join(folder, 'images'), log, signal: stop.signal });
  const federation = new KindFederation({ run, folder, tag, log, signal: stop.signal });
  return { federation, archives: images.map(({ archive }) => archive), tag };
}

const verb = process.argv[2] ?? '';
try {
  if (verbs[verb] === undefined) throw new TypeError(`command is ${JSON.stringify(verb)}; usage: up | upgrade | down`);
  await verbs[verb]();
} catch (error) {
  const reason: unknown = stop.signal.aborted ? stop.signal.reason : error;
  if (!(reason instanceof ToolError || reason instanceof TypeError)) throw error;
  console.error(reason.message);
  process.exitCode = reason instanceof TypeError ? 2 : 1;
}
