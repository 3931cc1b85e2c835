import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import {
  edgeNamespace,
  inferenceJobResource,
  inferenceTaskResource,
  labels,
  names,
  SYSTEM_NAMESPACE,
  type InferenceJob,
  type InferenceTask,
} from '@isochrone/api';
import {
  core,
  Informer,
  keyOf,
  Metrics,
  systemClock,
  type ApiClient,
  type InformerOptions,
  type KubeObject,
  type Resource,
} from '@isochrone/kube';
import type { Entry, Ledger } from '@isochrone/ledger';
import { createLogger, createRegistry } from '@isochrone/service';
import { eventually } from '@isochrone/tools/local';
import { providerOf } from '../harness/members.ts';
import { leftovers } from '../harness/settled.ts';
import { NAMESPACE, type TestFederation } from '../harness/test-federation.ts';
import type { History, JobFacts, ManifestEntry, ObjectEntry, TaskFacts } from './history.ts';

/** Outages are what it is for. */
const logger = createLogger({ program: 'recorder', level: 'error' });

type Facts = Pick<ObjectEntry, 'job' | 'task'>;
type Seen = { readonly uid: string } & Facts;

const ends = new Set<string | undefined>(['Complete', 'Failed']);
const pollMilliseconds = 500;

/** Writes down what can be seen of a federation: objects by watching, books and results by looking again and again. */
export class Recorder {
  readonly #world: TestFederation;
  readonly #history: History;
  readonly #stop = new AbortController();
  readonly #running: Promise<unknown>[] = [];
  readonly #metrics = new Metrics(createRegistry('recorder', 'test'));
  /** Each says whether its watch has seen what is there. */
  readonly #watches: (() => Promise<boolean>)[] = [];
  readonly #jobs = new Map<string, InferenceJob>();
  /** Number of the last posting that was read, by account. */
  readonly #postings = new Map<string, bigint>();
  /** By job, attempt and shard. */
  readonly #states = new Map<string, string>();
  /** Jobs whose manifest was read. */
  readonly #manifests = new Set<string>();
  #turn: Promise<void> = Promise.resolve();
  #changes = 0;
  #waiting: { readonly at: number; readonly resolve: () => void }[] = [];

  constructor(world: TestFederation, history: History) {
    this.#world = world;
    this.#history = history;
  }

  /** Resolves once everything that is there was seen. */
  async start(): Promise<void> {
    const { hub, members } = this.#world;
    const informers: Pick<Informer<KubeObject>, 'synced'>[] = [
      this.#watch('hub', hub, inferenceJobResource, {}, (job) => {
        const facts = jobFacts(job);
        this.#jobs.set(facts.uid, job);
        return { job: facts };
      }),
      this.#watch('hub', hub, inferenceTaskResource, { labelSelector: `!${labels.origin}` }, taskFacts),
    ];
    for (const [name, client] of members) {
      const ofHub = { namespace: edgeNamespace(name), fieldSelector: `metadata.name!=${names.edgeCredential}` };
      const copies = { namespace: SYSTEM_NAMESPACE, labelSelector: labels.origin };
      informers.push(
        this.#watch('hub', hub, core.secrets, ofHub, () => ({})),
        this.#watch(name, client, inferenceTaskResource, copies, taskFacts),
        this.#watch(name, client, core.secrets, copies, () => ({})),
      );
    }
    await Promise.all(informers.map((informer) => informer.synced()));
    this.#running.push(this.#look());
  }

  /** Changes on the hub so far: for a test that acts at the k-th change instead of after a time. */
  get changes(): number {
    return this.#changes;
  }

  async reach(changes: number): Promise<void> {
    if (this.#changes >= changes) return;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#waiting.push({ at: changes, resolve: () => resolve(undefined) });
    await promise;
  }

  /**
   * Waits until every job has ended, nothing of a task is left and everything that happened is in the history, reads every result once more, and
   * says that it is quiet. What is left after the time is for the checker to tell.
   */
  async quiet({ timeout = 30_000 } = {}): Promise<void> {
    const isOver = async (): Promise<boolean> =>
      [...this.#jobs.values()].every(({ status }) => ends.has(status?.phase)) &&
      (await leftovers(this.#world)).length === 0;
    await eventually(isOver, { timeout, interval: 200 }).catch(() => undefined);
    // The watches trail what was read just now.
    await eventually(() => this.#hasCaughtUp(), { timeout: 30_000, describe: 'the recorder has seen what is there' });
    await this.#alone(async () => {
      await this.#readBooks();
      for (const job of this.#jobs.values()) await this.#readResult(job);
      const balances: Record<string, string> = {};
      for (const account of this.#accounts()) balances[account] = String(await this.#world.ledger.balance(account));
      this.#history.add({ kind: 'Quiet', balances });
      // They are over; whatever still happens to them shows in the postings and in their objects.
      this.#jobs.clear();
    });
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#running);
  }

  #watch<T extends KubeObject>(
    cluster: string,
    client: ApiClient,
    resource: Resource<T>,
    selection: Pick<InformerOptions<T>, 'namespace' | 'labelSelector' | 'fieldSelector'>,
    facts: (object: T) => Facts,
  ): Informer<T, Seen> {
    const project = (object: T): Seen => ({ uid: object.metadata.uid ?? '', ...facts(object) });
    const informer = new Informer<T, Seen>({ client, resource, ...selection, project, logger, metrics: this.#metrics });
    const kind = resource.kind as ObjectEntry['resource'];
    informer.onChange((change) => {
      const type = change.type === 'Updated' ? 'Modified' : change.type;
      const seen = change.type === 'Deleted' ? change.previous : change.current;
      this.#history.add({ kind: 'Object', cluster, change: type, resource: kind, name: change.key, ...seen });
      if (cluster === 'hub' && kind !== 'Secret') this.#count();
    });
    this.#running.push(informer.run(this.#stop.signal));
    this.#watches.push(async () => {
      const { items } = await client.list(resource, selection);
      const there = items.map((object) => `${keyOf(object)}=${object.metadata.uid ?? ''}`);
      const seen = [...informer.keys()].map((key) => `${key}=${informer.get(key)?.uid ?? ''}`);
      return isDeepStrictEqual(new Set(there), new Set(seen));
    });
    return informer;
  }

  #count(): void {
    this.#changes += 1;
    const due = this.#waiting.filter(({ at }) => this.#changes >= at);
    this.#waiting = this.#waiting.filter(({ at }) => this.#changes < at);
    for (const { resolve } of due) resolve();
  }

  async #hasCaughtUp(): Promise<boolean> {
    return (await Promise.all(this.#watches.map((isCurrent) => isCurrent()))).every(Boolean);
  }

  /** Looks at books and results until it is stopped, as a reader would who cannot wait. */
  async #look(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.#alone(async () => {
        await this.#readBooks();
        for (const job of this.#jobs.values()) {
          if (!this.#manifests.has(workUID(job))) await this.#readResult(job);
        }
      });
      await systemClock.sleep(pollMilliseconds, signal).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    }
  }

  /** One after another: what was read first must be written down first. */
  async #alone(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined); // told to who asked for it
    await turn;
  }

  #accounts(): string[] {
    const providers = [...this.#world.members.keys()].map((name) => `provider/${providerOf(name)}`);
    return ['external', 'hold', `namespace/${NAMESPACE}`, ...providers];
  }

  /** What the books have since the last look. */
  async #readBooks(): Promise<void> {
    const { ledger } = this.#world;
    for (const account of this.#accounts()) {
      const newest = this.#postings.get(account) ?? 0n;
      for (const entry of await entriesSince(ledger, account, newest)) {
        const { posting, kind, amount, reference } = entry;
        const numbered = { posting: Number(posting), posted: kind, account, amount: String(amount), reference };
        this.#history.add({ kind: 'Posting', ...numbered });
        this.#postings.set(account, posting);
      }
    }
    for (const uid of this.#jobs.keys()) {
      for (const { attempt, shardIndex: shard, purpose, state, provider, amount } of await ledger.attempts(uid)) {
        const key = `${uid}/${attempt}/${shard}`;
        if (this.#states.get(key) === state) continue;
        this.#states.set(key, state);
        const terms = { attempt, shard, purpose, state, provider, amount: String(amount) };
        this.#history.add({ kind: 'Shard', jobUID: uid, ...terms });
      }
    }
  }

  /** Reads the result if there is one. */
  async #readResult(job: InferenceJob): Promise<void> {
    const jobUID = workUID(job);
    const { uri } = job.spec.output;
    const manifest = await this.#read(`${uri}manifest.json`);
    if (manifest === undefined) return;
    const { shards } = JSON.parse(Buffer.from(manifest).toString('utf8')) as Pick<ManifestEntry, 'shards'>;
    // It was written after its last shard was paid: the books are read once more, so that they come first here as well.
    await this.#readBooks();
    const named = shards.map(({ index, attempt, path }) => ({ index, attempt, path }));
    this.#history.add({ kind: 'Manifest', jobUID, sha256: digest(manifest), shards: named });
    this.#manifests.add(jobUID);
    for (const { path } of named) {
      const object = await this.#read(`${uri}${path}`);
      if (object !== undefined) this.#history.add({ kind: 'Output', jobUID, path, sha256: digest(object) });
    }
  }

  async #read(uri: string): Promise<Uint8Array | undefined> {
    return (await this.#world.has(uri)) ? this.#world.get(uri) : undefined;
  }
}

async function entriesSince(ledger: Ledger, account: string, newest: bigint): Promise<Entry[]> {
  const found: Entry[] = [];
  for (;;) {
    const before = found.at(-1)?.posting;
    const page = await ledger.statement(account, { limit: 200, ...(before === undefined ? {} : { before }) });
    const fresh = page.filter(({ posting }) => posting > newest);
    found.push(...fresh);
    if (fresh.length < 200) return found.reverse();
  }
}

function workUID({ metadata, status }: InferenceJob): string {
  return status?.uid ?? metadata.uid!;
}

function jobFacts(job: InferenceJob): JobFacts {
  const { metadata, spec, status } = job;
  const { records } = status?.input ?? {};
  return {
    uid: workUID(job),
    ...(status?.phase === undefined ? {} : { phase: status.phase }),
    ...(records === undefined ? {} : { shards: Math.ceil(records / spec.recordsPerShard) }),
    ...(status?.manifest?.sha256 === undefined ? {} : { manifest: status.manifest.sha256 }),
    ...(metadata.deletionTimestamp === undefined ? {} : { isDeleted: true }),
  };
}

function taskFacts({ spec, status }: InferenceTask): { task: TaskFacts } {
  const { attempt, acknowledgedAttempt } = spec;
  return {
    task: {
      attempt,
      ...(status?.phase === undefined ? {} : { phase: status.phase }),
      ...(acknowledgedAttempt === undefined ? {} : { acknowledgedAttempt }),
    },
  };
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
