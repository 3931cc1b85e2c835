import { formatMoney, type AttemptRecord } from '@isochrone/ledger';
import { REQUIRED_ACCURACY, type Reading } from '../../examples/ocr/read.ts';
import { table } from '../output.ts';
import type { JobHistory, SeenDecision, SeenTask } from './follow-job.ts';

/** Everything that the report is made of. */
export interface Evidence {
  readonly history: JobHistory;
  readonly reading: Reading;
  /** Of the job, from the ledger. */
  readonly attempts: readonly AttemptRecord[];
  /** Whether the books add up; the message if not. */
  readonly books: true | string;
  /** Names of the trusted clusters. */
  readonly trusted: ReadonlySet<string>;
  readonly referenceNanosecondsPerRecord: number;
}

/** One thing that must hold for the demo to have shown what it promises. */
export interface Check {
  readonly what: string;
  readonly holds: boolean;
}

export function checks({ history, reading, attempts, books, trusted }: Evidence): Check[] {
  const { input, shards, verification, cost, manifest } = history.job.status ?? {};
  const total = shards?.total ?? 0;
  const released = attempts.filter(({ state }) => state === 'Released');
  const work = released.filter(({ purpose }) => purpose === 'Work');
  const paid = new Set(work.map(({ shardIndex }) => shardIndex));
  const sum = released.reduce((amount, record) => amount + record.amount, 0n);
  const workOnTrusted = history.tasks.some(({ isWork, cluster }) => isWork && trusted.has(cluster));
  const checked = new Map(reExecutions(attempts).map(([{ attempt }, check]) => [attempt, check]));
  const compared = new Set(history.tasks.filter(isCompared).map(({ attempt }) => attempt));
  return [
    {
      what: 'every record of the input was read',
      holds: reading.lines.length > 0 && reading.lines.length === input?.records,
    },
    {
      what: `at least ${REQUIRED_ACCURACY * 100} % of the characters are right`,
      holds: reading.accuracy >= REQUIRED_ACCURACY,
    },
    {
      what: 'every shard was delivered and is named by the manifest',
      holds: total > 0 && shards?.complete === total && manifest !== undefined,
    },
    { what: 'every shard was paid exactly once', holds: work.length === total && paid.size === total },
    {
      what: 'every window was sampled after its commitment, and stands',
      holds: (verification?.passed ?? 0) > 0 && verification?.passed === verification?.windows,
    },
    {
      what: 'all paid work was re-executed at another provider, which was paid too',
      holds: work.every(({ attempt, provider }) => (checked.get(attempt)?.provider ?? provider) !== provider),
    },
    { what: 'the trusted cluster did no ordinary work', holds: !workOnTrusted },
    {
      what: 'the decisions tell why, with the candidates that they weighed',
      holds: history.decisions.some(({ candidates }) => candidates.length > 0),
    },
    {
      what: 'the time of every paid attempt was predicted and measured',
      holds: released.length > 0 && released.every(({ attempt }) => compared.has(attempt)),
    },
    { what: 'the bill of the job is the sum of what was released', holds: cost?.total === formatMoney(sum) },
    { what: 'the books add up', holds: books === true },
  ];
}

/** Work and its re-execution, as far as both were paid. */
function reExecutions(attempts: readonly AttemptRecord[]): [AttemptRecord, AttemptRecord][] {
  return attempts
    .filter(({ purpose, state }) => purpose === 'Verification' && state === 'Released')
    .flatMap((check) => {
      const work = attempts.find(({ attempt }) => attempt === check.verifies);
      return work === undefined ? [] : [[work, check] as [AttemptRecord, AttemptRecord]];
    });
}

export function report(evidence: Evidence): string {
  return [
    textSection(evidence),
    whereSection(evidence),
    timeSection(evidence),
    verificationSection(evidence),
    billSection(evidence),
    checkSection(evidence),
  ].join('\n');
}

const linesShown = 12;

function textSection({ reading }: Evidence): string {
  const { lines, accuracy } = reading;
  const wrong = lines.filter(({ read, truth }) => read !== truth);
  const sample = [...wrong, ...lines.filter(({ read, truth }) => read === truth)].slice(0, linesShown);
  const rows = sample.map(({ read, truth }) => [read === truth ? 'ok' : 'x', read, truth]);
  return (
    `WHAT WAS READ  ${(accuracy * 100).toFixed(2)} % of the characters of ${lines.length} lines are right; ${wrong.length} lines differ\n` +
    table(['', 'READ', 'TRUTH'], rows, '  ')
  );
}

function whereSection({ history, attempts }: Evidence): string {
  const work = attempts.filter(({ purpose }) => purpose === 'Work');
  const rows = work
    .toSorted((a, b) => a.shardIndex - b.shardIndex || a.attempt - b.attempt)
    .map(({ shardIndex, attempt, node, provider, records, amount, state, reason }) => [
      String(shardIndex),
      String(attempt),
      node,
      provider,
      String(records),
      formatMoney(amount),
      reason === undefined ? state : `${state}: ${reason}`,
    ]);
  const why = history.decisions.map(({ message, candidates }) => `  ${message}${describeBest(candidates)}\n`);
  return (
    'WHERE EACH SHARD RAN\n' +
    table(['SHARD', 'ATTEMPT', 'NODE', 'PROVIDER', 'RECORDS', 'PRICE', 'STATE'], rows, '  ') +
    `WHY (decisions in order)\n${[...new Set(why)].join('')}`
  );
}

function describeBest([best]: SeenDecision['candidates']): string {
  if (best === undefined) return '';
  const parts = (best.scores ?? []).map(({ plugin, micros }) => `${plugin} ${micros}`).join(' + ');
  return `; best: ${best.cluster}/${best.node} for ${best.price ?? '?'}, score ${parts}`;
}

function timeSection({ history }: Evidence): string {
  const rows = history.tasks.flatMap((task) => {
    const measured = milliseconds(task);
    if (measured === undefined) return [];
    const predicted = task.predictedMilliseconds;
    return [
      [
        task.isWork ? 'work' : 're-execution',
        `${task.cluster}/${task.node}`,
        String(task.records),
        predicted === undefined ? '-' : `${(predicted / 1000).toFixed(1)} s`,
        // Kubernetes' times are whole seconds.
        measured < 1000 ? '< 1 s' : `${measured / 1000} s`,
      ],
    ];
  });
  return `PREDICTED AGAINST MEASURED TIME (here all nodes share the cores of one machine, which no scheduler knows)\n${table(['TASK', 'NODE', 'RECORDS', 'PREDICTED', 'MEASURED'], rows, '  ')}`;
}

function isCompared(task: SeenTask): boolean {
  return task.predictedMilliseconds !== undefined && milliseconds(task) !== undefined;
}

function milliseconds({ startTime, completionTime }: SeenTask): number | undefined {
  if (startTime === undefined || completionTime === undefined) return undefined;
  return Date.parse(completionTime) - Date.parse(startTime);
}

function verificationSection({ history, attempts }: Evidence): string {
  const {
    windows = 0,
    sampledRecords = 0,
    passed = 0,
    failed = 0,
    inconclusive = 0,
  } = history.job.status?.verification ?? {};
  const pairs = reExecutions(attempts).map(
    ([work, check]) => `  ${work.node} (attempt ${work.attempt}) by ${check.node} of ${check.provider}\n`,
  );
  return (
    `VERDICTS  ${windows} windows: ${passed} stand, ${failed} failed, ${inconclusive} inconclusive; ${sampledRecords} records re-executed\n` +
    [...new Set(pairs)].join('')
  );
}

function billSection({ history, attempts, referenceNanosecondsPerRecord }: Evidence): string {
  const { total = '0.00', work = '0.00', verification = '0.00' } = history.job.status?.cost ?? {};
  const providers = new Map<string, bigint>();
  for (const { provider, amount, state } of attempts) {
    if (state === 'Released') providers.set(provider, (providers.get(provider) ?? 0n) + amount);
  }
  const rows = [...providers].map(([provider, amount]) => [provider, formatMoney(amount)]);
  return (
    `THE BILL  ${total}: ${work} for work, ${verification} for verification (one record is ${(referenceNanosecondsPerRecord / 1e6).toFixed(1)} reference milliseconds)\n` +
    table(['PROVIDER', 'EARNED'], rows, '  ')
  );
}

function checkSection(evidence: Evidence): string {
  const lines = checks(evidence).map(({ what, holds }) => `  ${holds ? 'ok  ' : 'FAIL'} ${what}\n`);
  return `WHAT MUST HOLD\n${lines.join('')}`;
}
