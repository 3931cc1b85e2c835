import type { ExecutionProvider } from '@isochrone/latency';
import type { Fleet } from '../table/fleet.ts';
import type { Columns } from '../table/columns.ts';
import type { AttemptKey, TaskRequest } from './request.ts';

/**
 * Why a node cannot have the task, as in kube-scheduler. Unschedulable: not now, a change of the fleet can help.
 * UnschedulableAndUnresolvable: never, unless the request or the node's own facts change.
 */
export type RejectCode = 'Unschedulable' | 'UnschedulableAndUnresolvable';

export interface Reason {
  readonly code: RejectCode;
  /** CamelCase, the same whatever was asked: for metrics. */
  readonly name: string;
  /** For people, about one node, at most 256 characters. */
  readonly text: string;
}

/** What one decision is made of. Columns are those of this moment; plugins may only read. */
export interface Decision {
  readonly request: TaskRequest;
  readonly fleet: Fleet;
  readonly columns: Columns;
  /** By the mask of a device: the execution provider that the request gets on it. */
  readonly choices: readonly (ExecutionProvider | undefined)[];
}

/** @returns 0 when the row fits, otherwise the position of the reason, from 1. Must not allocate: it runs for every row. */
export type Filter = (row: number) => number;

/** Lower is better. Time is turned into money by the objective, so that there is one scalar. */
export interface Score {
  readonly unit: 'milliseconds' | 'micros';
  /** Must not allocate. */
  of(row: number): number;
}

/** A plugin made ready for one decision. What it leaves out is skipped for the whole scan. */
export interface PreparedPlugin {
  readonly filter?: { readonly reasons: readonly Reason[]; readonly test: Filter };
  readonly score?: Score;
}

/** One aspect of placement, after kube-scheduler's framework: PreFilter and PreScore are `prepare`. */
export interface Plugin {
  /** CamelCase, part of the API: it stands in explanations and metrics. */
  readonly name: string;
  prepare(decision: Decision): PreparedPlugin;
  /**
   * Takes what the chosen row gives, before the next task is decided. While it is taken, the plugin's own filter is not
   * asked again about that task: it would count what the task itself holds.
   */
  reserve?(binding: Binding, request: TaskRequest): void;
  /** Undoes `reserve`. Idempotent, also without a reserve before it. */
  unreserve?(key: AttemptKey): void;
}

export interface Binding {
  readonly cluster: string;
  readonly node: string;
  readonly provider: string;
  readonly deviceUuid: string;
  readonly executionProvider: string;
  /** Micro-currency per thousand reference seconds. */
  readonly price: number;
  readonly predictedMilliseconds: number;
}
