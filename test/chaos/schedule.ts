import type { Way } from '../harness/tcp-relay.ts';
import { integerBetween, seeded, shuffled } from './random.ts';

export type Fault =
  /** `kill -9`, and at once again, as a supervisor would. */
  | { readonly type: 'Kill'; readonly program: string }
  /** A process that hangs, as on a machine that was suspended. */
  | { readonly type: 'Freeze'; readonly program: string }
  /** API servers that are gone: connections are refused. */
  | { readonly type: 'Down'; readonly clusters: readonly string[] }
  /** An API server that takes connections and never answers. */
  | { readonly type: 'Hang'; readonly cluster: string }
  /** Between a member and the hub nothing comes through in these ways; connections stay open. */
  | { readonly type: 'Partition'; readonly member: string; readonly ways: readonly Way[] };

export interface PlannedFault {
  /** Milliseconds from the start of the run. The same for one that is over at once. */
  readonly from: number;
  readonly to: number;
  readonly fault: Fault;
}

export interface ScheduleOptions {
  readonly seed: number;
  readonly seconds: number;
  /** Faults last from 5 s, or this if it is less, up to this; short ones are more frequent. */
  readonly longestSeconds: number;
  /** Members that are hit, besides the hub; each has the node `<name>-1`. */
  readonly members: readonly string[];
}

const shortestSeconds = 5;
const longestPauseMilliseconds = 8000;

/** What is done to the federation, and when. Each kind comes equally often; the seed says on whom, when and for how long. */
export function planFaults({ seed, seconds, longestSeconds, members }: ScheduleOptions): PlannedFault[] {
  const random = seeded(seed);
  const end = seconds * 1000;
  const plan: PlannedFault[] = [];
  let now = 0;
  for (;;) {
    for (const make of shuffled(random, kinds)) {
      const fault = make(random, pick(random, members));
      const from = firstFree(plan, fault, now + integerBetween(random, 1000, longestPauseMilliseconds));
      if (from >= end) return plan;
      const lasts = fault.type === 'Kill' ? 0 : duration(random, longestSeconds);
      plan.push({ from, to: Math.min(from + lasts, end), fault });
      now = from;
    }
  }
}

type Make = (random: () => number, member: string) => Fault;

const kinds: readonly Make[] = [
  (random, member) => ({ type: 'Kill', program: pick(random, programs(member)) }),
  (random, member) => ({ type: 'Freeze', program: pick(random, programs(member)) }),
  () => ({ type: 'Down', clusters: ['hub'] }),
  (_, member) => ({ type: 'Down', clusters: [member] }),
  (_, member) => ({ type: 'Down', clusters: ['hub', member] }),
  (random, member) => ({ type: 'Hang', cluster: pick(random, ['hub', member]) }),
  (_, member) => ({ type: 'Partition', member, ways: ['requests'] }),
  (_, member) => ({ type: 'Partition', member, ways: ['answers'] }),
];

function programs(member: string): string[] {
  return ['operator', 'scheduler', `edge-${member}`, `agent-${member}-1`, `verifier-${member}-1`];
}

function pick<T>(random: () => number, items: readonly T[]): T {
  return items[integerBetween(random, 0, items.length - 1)]!;
}

/** Evenly over the orders of magnitude. @returns milliseconds */
function duration(random: () => number, longestSeconds: number): number {
  const shortest = Math.min(shortestSeconds, longestSeconds);
  return Math.round(1000 * shortest * (longestSeconds / shortest) ** random());
}

/** When nothing is in its way: faults overlap, but a program can start only while the servers that it needs are there. */
function firstFree(plan: readonly PlannedFault[], fault: Fault, earliest: number): number {
  const inTheWay = plan.filter((other) => other.to > earliest && excludes(other.fault, fault));
  return Math.max(earliest, ...inTheWay.map(({ to }) => to + 1000));
}

function excludes(one: Fault, other: Fault): boolean {
  if (one.type === 'Kill' || other.type === 'Kill') return true;
  const hit = targets(one);
  return targets(other).some((target) => hit.includes(target));
}

function targets(fault: Fault): string[] {
  switch (fault.type) {
    case 'Kill':
    case 'Freeze':
      return [`program ${fault.program}`];
    case 'Down':
      return fault.clusters.map((cluster) => `server ${cluster}`);
    case 'Hang':
      return [`server ${fault.cluster}`];
    case 'Partition':
      return [`link ${fault.member}`];
  }
}

/** For people, and for the history. */
export function describeFault(fault: Fault): string {
  switch (fault.type) {
    case 'Kill':
      return `kill -9 ${fault.program}`;
    case 'Freeze':
      return `freeze ${fault.program}`;
    case 'Down':
      return `API down: ${fault.clusters.join(' and ')}`;
    case 'Hang':
      return `API hangs: ${fault.cluster}`;
    case 'Partition':
      return `${fault.member}: no ${fault.ways.join(' and no ')} between it and the hub`;
  }
}
