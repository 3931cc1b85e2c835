import type { HistoryEntry, JobFacts, ManifestEntry, PostingEntry, QuietEntry, ShardEntry } from './history.ts';

export const invariants = [
  'PaidAtMostOnce',
  'VisibleAtMostOnce',
  'SupersededNotAccepted',
  'NoJobLost',
  'MoneyConserved',
  'NoOrphan',
] as const;
export type Invariant = (typeof invariants)[number];

export interface Violation {
  readonly invariant: Invariant;
  readonly message: string;
}

/**
 * Proves the promises of the federation from what was seen of a run, and from nothing else. What must never happen is looked
 * for in the whole history; what must have happened, whenever it was quiet.
 */
export function checkHistory(entries: readonly HistoryEntry[]): Violation[] {
  const seen = new Seen();
  const violations: Violation[] = [];
  const report = (invariant: Invariant, message: string): void => {
    violations.push({ invariant, message });
  };
  for (const entry of entries) {
    seen.add(entry, report);
    if (entry.kind === 'Quiet') checkQuiet(seen, entry, report);
  }
  checkPayments(seen, report);
  return violations;
}

type Report = (invariant: Invariant, message: string) => void;

interface Job {
  readonly facts: JobFacts;
  readonly wasComplete: boolean;
}

/** All that the history told so far. */
class Seen {
  readonly jobs = new Map<string, Job>();
  /** By job, attempt and shard: as last seen. */
  readonly shards = new Map<string, ShardEntry>();
  /** By number and account. */
  readonly postings = new Map<string, PostingEntry>();
  /** By job, the first first: a later one may not differ. */
  readonly manifests = new Map<string, ManifestEntry[]>();
  readonly #outputs = new Map<string, string>();
  /** Tasks and Secrets of tasks that exist, by cluster, kind and name. */
  readonly alive = new Set<string>();

  add(entry: HistoryEntry, report: Report): void {
    switch (entry.kind) {
      case 'Object':
        if (entry.resource !== 'InferenceJob') {
          const key = `${entry.cluster}: ${entry.resource} ${entry.name}`;
          if (entry.change === 'Deleted') this.alive.delete(key);
          else this.alive.add(key);
        } else if (entry.job !== undefined) this.#addJob(entry.job, report);
        return;
      case 'Shard':
        this.#addShard(entry, report);
        return;
      case 'Posting':
        this.postings.set(`${entry.posting}@${entry.account}`, entry);
        return;
      case 'Manifest':
        this.#addManifest(entry, report);
        return;
      case 'Output': {
        const key = `${entry.jobUID}/${entry.path}`;
        const first = this.#outputs.get(key);
        if (first !== undefined && first !== entry.sha256)
          report(
            'VisibleAtMostOnce',
            `${entry.path} of job ${entry.jobUID} was read as ${first}, then ${entry.sha256}`,
          );
        this.#outputs.set(key, first ?? entry.sha256);
        return;
      }
      case 'Run':
      case 'Fault':
      case 'Quiet':
        return;
    }
  }

  hasOutput(jobUID: string, path: string): boolean {
    return this.#outputs.has(`${jobUID}/${path}`);
  }

  #addJob(facts: JobFacts, report: Report): void {
    const previous = this.jobs.get(facts.uid);
    if (previous?.wasComplete === true && facts.phase !== 'Complete')
      report('NoJobLost', `job ${facts.uid} was Complete, then ${facts.phase ?? 'without a phase'}`);
    const { manifest } = previous?.facts ?? {};
    if (manifest !== undefined && facts.manifest !== manifest)
      report(
        'VisibleAtMostOnce',
        `the status of job ${facts.uid} named manifest ${manifest}, then ${facts.manifest ?? 'none'}`,
      );
    const wasComplete = previous?.wasComplete === true || facts.phase === 'Complete';
    this.jobs.set(facts.uid, { facts, wasComplete });
  }

  #addShard(entry: ShardEntry, report: Report): void {
    const key = `${entry.jobUID}/${entry.attempt}/${entry.shard}`;
    const previous = this.shards.get(key);
    this.shards.set(key, entry);
    if (previous === undefined || previous.state === 'Held' || previous.state === entry.state) return;
    const invariant = entry.state === 'Released' ? 'SupersededNotAccepted' : 'MoneyConserved';
    report(invariant, `shard ${key} was ${previous.state}, then ${entry.state}`);
  }

  #addManifest(entry: ManifestEntry, report: Report): void {
    const { jobUID, sha256 } = entry;
    const earlier = this.manifests.get(jobUID) ?? [];
    if (earlier.some((one) => one.sha256 === sha256)) return;
    this.manifests.set(jobUID, [...earlier, entry]);
    if (earlier.length > 0)
      report('VisibleAtMostOnce', `the manifest of job ${jobUID} was read as ${earlier[0]!.sha256}, then ${sha256}`);
    for (const index of twice(entry.shards.map((shard) => shard.index)))
      report('VisibleAtMostOnce', `the manifest of job ${jobUID} names shard ${index} twice`);
  }
}

/** What must never have happened, whenever it was. */
function checkPayments(seen: Seen, report: Report): void {
  const work = Map.groupBy(
    [...seen.shards.values()].filter(({ purpose }) => purpose === 'Work'),
    ({ jobUID, shard }) => `${jobUID}, shard ${shard}`,
  );
  const numbers = postingNumbers(seen.postings.values());
  for (const [shard, attempts] of work) {
    const paid = attempts.filter(({ state }) => state === 'Released');
    if (paid.length > 1)
      report('PaidAtMostOnce', `job ${shard} was paid for attempts ${paid.map(({ attempt }) => attempt).join(', ')}`);
    for (const { jobUID, attempt } of paid) {
      const accepted = numbers.get(`Release ${jobUID}/${attempt}`)?.[0];
      const later = attempts.find((other) => {
        const held = numbers.get(`Hold ${jobUID}/${other.attempt}`)?.[0];
        return other.attempt > attempt && held !== undefined && accepted !== undefined && held < accepted;
      });
      if (later !== undefined)
        report(
          'SupersededNotAccepted',
          `job ${shard}: attempt ${attempt} was accepted after ${later.attempt} replaced it`,
        );
    }
  }
  for (const [what, made] of numbers) {
    if (made.length === 1) continue;
    report(what.startsWith('Release') ? 'PaidAtMostOnce' : 'MoneyConserved', `${what} was posted ${made.length} times`);
  }
  const byNumber = Map.groupBy(seen.postings.values(), ({ posting }) => posting);
  for (const [number, lines] of byNumber) {
    const sum = lines.reduce((total, { amount }) => total + BigInt(amount), 0n);
    if (sum !== 0n) report('MoneyConserved', `posting ${number} (${lines[0]!.posted}) sums to ${sum}, not to 0`);
  }
  for (const { jobUID, shards } of [...seen.manifests.values()].flat()) {
    for (const { index, attempt } of shards) {
      const state = seen.shards.get(`${jobUID}/${attempt}/${index}`)?.state;
      if (state !== 'Released')
        report(
          'SupersededNotAccepted',
          `the manifest of job ${jobUID} shows attempt ${attempt} of shard ${index}, which is ${state ?? 'in no books'}`,
        );
    }
  }
}

function checkQuiet(seen: Seen, { balances }: QuietEntry, report: Report): void {
  for (const { facts } of seen.jobs.values()) {
    if (facts.isDeleted !== true) checkEnded(seen, facts, report);
  }
  for (const { jobUID, attempt, shard, state } of seen.shards.values()) {
    if (state === 'Held')
      report('MoneyConserved', `shard ${shard} of attempt ${attempt} of job ${jobUID} is still on hold`);
  }
  for (const what of seen.alive) report('NoOrphan', `${what} is left`);
  const sums = new Map<string, bigint>();
  for (const { account, amount } of seen.postings.values())
    sums.set(account, (sums.get(account) ?? 0n) + BigInt(amount));
  for (const account of new Set([...sums.keys(), ...Object.keys(balances)])) {
    const sum = sums.get(account) ?? 0n;
    const balance = BigInt(balances[account] ?? '0');
    if (sum !== balance) report('MoneyConserved', `${account} has ${balance}; its postings sum to ${sum}`);
  }
  if ((balances['hold'] ?? '0') !== '0') report('MoneyConserved', `${balances['hold']!} are on hold for nobody`);
}

/** The job is complete, and each of its shards was paid, and is in the manifest, and was read. */
function checkEnded(seen: Seen, { uid, phase, shards, manifest }: JobFacts, report: Report): void {
  if (phase !== 'Complete') {
    report('NoJobLost', `job ${uid} is ${phase ?? 'without a phase'}`);
    return;
  }
  const [shown] = seen.manifests.get(uid) ?? [];
  if (shown === undefined) report('NoJobLost', `job ${uid} is Complete, and no reader found its manifest`);
  else if (manifest !== shown.sha256)
    report('VisibleAtMostOnce', `job ${uid} names manifest ${manifest ?? 'none'}; readers found ${shown.sha256}`);
  for (let index = 0; index < (shards ?? 0); index++) {
    const entry = shown?.shards.find((shard) => shard.index === index);
    if (entry === undefined) report('NoJobLost', `shard ${index} of job ${uid} is in no manifest`);
    else if (!seen.hasOutput(uid, entry.path)) report('NoJobLost', `nobody could read ${entry.path} of job ${uid}`);
  }
}

/** The numbers of the postings of one kind about one attempt, or of one deposit. */
function postingNumbers(postings: Iterable<PostingEntry>): Map<string, number[]> {
  const byWhat = Map.groupBy(postings, ({ posted, reference }) => `${posted} ${reference}`);
  return new Map(
    [...byWhat].map(([what, lines]) => [what, [...new Set(lines.map(({ posting }) => posting))].sort((a, b) => a - b)]),
  );
}

function twice(items: readonly number[]): number[] {
  return [...new Set(items.filter((item, at) => items.indexOf(item) !== at))];
}
