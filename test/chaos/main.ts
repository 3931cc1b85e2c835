/**
 * Random faults over a real federation while jobs run, and the proof that it kept its promises.
 * `node test/chaos/main.ts --minutes 10 --seed 7`; `--replay FILE` begins the run of a history again. Ends with 1 when something was violated.
 */
import { randomInt } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { inputNpy, inputRows, linear, linearModel } from '../e2e/models.ts';
import { member } from '../harness/members.ts';
import { resultOf } from '../harness/settled.ts';
import { startTestFederation, type TestFederation } from '../harness/test-federation.ts';
import { checkHistory } from './checker.ts';
import { History, readHistory } from './history.ts';
import { HubRelays, Injector } from './injector.ts';
import { Recorder } from './recorder.ts';
import { describeFault, planFaults, type PlannedFault } from './schedule.ts';

const usage = `Usage: node test/chaos/main.ts [--minutes N] [--seed S] [--longest SECONDS] [--history FILE] [--replay FILE] [--dry-run]
  --minutes  how long faults are injected, default 5
  --seed     of the schedule of faults, default a random one; it is printed
  --longest  seconds that a fault lasts at most, default 300
  --history  where the history is written, default in the temporary folder
  --replay   a history: its seed, minutes and longest fault are taken again
  --dry-run  prints the schedule and does nothing`;

const RECORDS = 96;
const members = ['alpha', 'beta'] as const;
const lanes = [0, 1];
/** After the last fault: restarts back off, leases expire, and windows wait for a trusted node. */
const patienceMilliseconds = 600_000;

interface Settings {
  readonly seed: number;
  readonly minutes: number;
  readonly longest: number;
  readonly history: string;
  readonly dryRun: boolean;
}

function settingsOf(args: readonly string[]): Settings | string {
  const string = { type: 'string' } as const;
  const options = {
    minutes: string,
    seed: string,
    longest: string,
    history: string,
    replay: string,
    'dry-run': { type: 'boolean' } as const,
  };
  const { values } = parseArgs({ args: [...args], options });
  const run =
    values.replay === undefined ? undefined : readHistory(values.replay).find((entry) => entry.kind === 'Run');
  if (values.replay !== undefined && run === undefined)
    return `--replay ${values.replay}: it has no Run entry; give a history of this program`;
  const numbers = { seed: run?.seed ?? randomInt(2 ** 31), minutes: 5, longest: 300, ...run?.options };
  for (const name of ['seed', 'minutes', 'longest'] as const) {
    if (values[name] !== undefined) numbers[name] = Number(values[name]);
    if (!(numbers[name] > 0)) return `--${name} ${values[name]}: give a number above 0`;
  }
  const { seed, minutes, longest } = numbers;
  return {
    seed,
    minutes,
    longest,
    history: values.history ?? join(tmpdir(), `isochrone-chaos-${seed}.jsonl`),
    dryRun: values['dry-run'] === true,
  };
}

/** Runs jobs one after another until it is over. @returns their number */
async function runJobs(world: TestFederation, lane: number, isOver: () => boolean): Promise<number> {
  const expected = Buffer.from(linear(inputRows(RECORDS)).buffer);
  let made = 0;
  for (let attempt = 0; !isOver() || made === 0; attempt++) {
    const name = `chaos-${lane}-${attempt}`;
    try {
      await world.createJob(name, { recordsPerShard: 8, verification: { minSamplePercent: 10 } });
    } catch (error) {
      // Whether it was taken nobody knows while the hub is away. A job that is there must end all the same, as the history shows.
      console.log(`         job ${name} could not be made: ${(error as Error).message}`);
      await sleep(1000);
      continue;
    }
    made += 1;
    const job = await world.completed(name, { timeout: patienceMilliseconds, interval: 500 });
    if (!expected.equals(await resultOf(world, job))) throw new Error(`the result of job ${name} is wrong`);
  }
  return made;
}

function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(1).padStart(7);
}

async function disturb(injector: Injector, plan: readonly PlannedFault[]): Promise<void> {
  let start = performance.now();
  const steps = plan
    .flatMap(({ from, to, fault }) => [
      { at: from, fault, act: 'inject' as const },
      { at: to, fault, act: 'heal' as const },
    ])
    .sort((one, other) => one.at - other.at);
  for (const { at, fault, act } of steps) {
    const wait = at - (performance.now() - start);
    if (wait > 0) await sleep(wait);
    // Late, because a server or a program took its time to start: then everything is later, so that each fault lasts as planned.
    else start -= wait;
    const now = seconds(performance.now() - start);
    if (act === 'inject') console.log(`${now}  ${describeFault(fault)}`);
    else if (fault.type !== 'Kill') console.log(`${now}  healed: ${describeFault(fault)}`);
    await injector[act](fault);
  }
  const ended = await injector.revive();
  if (ended.length > 0) console.log(`ended by themselves: ${ended.join(', ')}`);
}

async function run({ seed, minutes, longest, history: file, dryRun }: Settings): Promise<number> {
  console.log(`seed ${seed}, ${minutes} min, faults up to ${longest} s, history ${file}`);
  const plan = planFaults({ seed, seconds: minutes * 60, longestSeconds: longest, members });
  if (dryRun) {
    for (const { from, to, fault } of plan) console.log(`${seconds(from)} ${seconds(to)}  ${describeFault(fault)}`);
    return 0;
  }
  await using stack = new AsyncDisposableStack();
  const relays = stack.use(new HubRelays());
  const world = await startTestFederation(
    {
      members: [member('hub', '0.30'), ...members.map((name) => member(name, '0.20'))],
      flags: { edge: { 'outbox-seconds': '3' } },
      leaseSeconds: 10,
      hubAddress: relays.hubAddress,
    },
    stack,
  );
  const history = new History(Date.now, file);
  history.add({ kind: 'Run', seed, options: { minutes, longest } });
  const recorder = new Recorder(world, history);
  stack.defer(() => recorder.stop());
  await recorder.start();
  await world.put('input.npy', inputNpy(RECORDS));
  await world.deposit('100000.00');
  await world.createModel('linear', linearModel({ turns: 15_000 }), { maxBatchSize: 1 });

  let isOver = false;
  const disturbed = disturb(new Injector(world.federation, relays, history), plan).finally(() => (isOver = true));
  const jobs = await Promise.all([...lanes.map((lane) => runJobs(world, lane, () => isOver)), disturbed.then(() => 0)]);
  await recorder.quiet({ timeout: patienceMilliseconds });
  const violations = checkHistory(history.entries);
  await world.ledger.check();
  for (const { invariant, message } of violations) console.error(`${invariant}: ${message}`);
  const made = jobs.reduce((sum, one) => sum + one, 0);
  console.log(
    `${plan.length} faults, ${made} jobs, ${history.entries.length} entries, ${violations.length} violations`,
  );
  return violations.length === 0 ? 0 : 1;
}

const settings = settingsOf(process.argv.slice(2));
if (typeof settings === 'string') {
  console.error(`${settings}\n${usage}`);
  process.exitCode = 2;
} else process.exitCode = await run(settings);
