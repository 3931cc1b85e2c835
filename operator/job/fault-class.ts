import { taskFailures } from '@isochrone/api';
import type { Attempt } from './attempts.ts';

/**
 * Who bears a failed attempt, as an operator of the fleet wants to count it. Provider, Model, Input and Output are what the
 * edge or the hub blames; Availability: a node or a cluster went away or did not begin; Verification: the hub's own checks.
 */
export const faultClasses = ['Provider', 'Model', 'Input', 'Output', 'Availability', 'Verification'] as const;
export type FaultClass = (typeof faultClasses)[number];

const byReason = new Map<string, FaultClass>([
  ...Object.entries(taskFailures).flatMap(([fault, reasons]) =>
    reasons.map((reason): [string, FaultClass] => [reason, fault as FaultClass]),
  ),
  ['OutputOffForm', 'Output'],
  ['ClusterUnreachable', 'Availability'],
  ['NodeNotReady', 'Availability'],
  ['StartTimeout', 'Availability'],
]);

/** @param reason of a refund that is held against somebody; what is in no table is a verdict of the hub */
export function faultClass(reason: string): FaultClass {
  return byReason.get(reason) ?? 'Verification';
}

export const verdicts = ['pass', 'fail', 'inconclusive'] as const;

/** What verification found of a settled attempt of work; undefined for one that it did not judge. */
export function verdictOf({ state, reason }: Pick<Attempt, 'state' | 'reason'>): (typeof verdicts)[number] | undefined {
  if (state === 'Released') return 'pass';
  if (reason === 'VerificationFailed') return 'fail';
  return reason === 'VerificationInconclusive' ? 'inconclusive' : undefined;
}
