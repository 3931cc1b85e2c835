import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Outcome } from '@isochrone/verification';
import type { Attempt } from './attempts.ts';
import type { JobMemory } from './job-memory.ts';
import { comparisonKey } from './observed.ts';
import { stepVerification } from './step-verification.ts';
import { makeAttempt, makeTask, now, observe, well } from './testing/observe.ts';

const receipt = {
  ok: true,
  leafCount: 10,
  runtimeClass: 'cpu',
  outputs: [{ shardIndex: 0, sha256: 'ab', sizeBytes: 1 }],
} as const;
const primary = makeAttempt();
const peer = makeAttempt({
  attempt: 2,
  purpose: 'Verification',
  verifies: 1,
  cluster: 'beta',
  node: 'n2',
  provider: 'bolt',
});
const court = makeAttempt({
  attempt: 3,
  purpose: 'Reference',
  verifies: 1,
  cluster: 'court',
  node: 'judge',
  provider: 'us',
});
const refunded = (attempt: Attempt, reason: string): Attempt => ({ ...attempt, state: 'Refunded', reason });

interface Row {
  readonly name: string;
  readonly rounds: readonly Attempt[];
  /** `reference:candidate` → outcome. */
  readonly compared?: Readonly<Record<string, Outcome>>;
  readonly remember?: (memory: JobMemory) => void;
  /** Nodes that are quarantined. */
  readonly quarantined?: readonly string[];
  /** Attempts whose output is gone. */
  readonly missing?: readonly number[];
  readonly expected: readonly string[];
}

const noPeer = {
  reason: 'NoNodeFits',
  message: '',
  retryAt: now,
  since: now,
  needs: 'Independent' as const,
  explanation: { message: '', nodesEvaluated: 3, resolvable: false, rejects: [], candidates: [] },
};

const rows: readonly Row[] = [
  { name: 'nobody yet: an independent node', rounds: [], expected: ['PlaceVerification Independent -alpha -acme'] },
  {
    name: 'no independent node: a trusted one',
    rounds: [],
    remember: (memory) => memory.verificationPlacement.set(1, noPeer),
    expected: ['PlaceVerification Trusted -alpha -acme'],
  },
  {
    name: 'a full fleet is waited for',
    rounds: [],
    remember: (memory) =>
      memory.verificationPlacement.set(1, { ...noPeer, explanation: { ...noPeer.explanation, resolvable: true } }),
    expected: ['PlaceVerification Independent -alpha -acme'],
  },
  {
    name: 'not before its time',
    rounds: [],
    remember: (memory) => memory.verificationPlacement.set(1, { ...noPeer, retryAt: now + 1 }),
    expected: [],
  },
  {
    name: 'one that failed: another node',
    rounds: [refunded(peer, 'TaskTimeout')],
    expected: ['PlaceVerification Independent -alpha -acme -beta/n2'],
  },
  {
    name: 'two peers that failed: a trusted one',
    rounds: [refunded(peer, 'TaskTimeout'), { ...refunded(peer, 'RuntimeCrashed'), attempt: 3, cluster: 'gamma' }],
    expected: ['PlaceVerification Trusted -alpha -acme -beta/n2 -gamma/n2'],
  },
  {
    name: 'no trusted one either: peers again',
    rounds: [refunded(peer, 'TaskTimeout'), { ...refunded(peer, 'RuntimeCrashed'), attempt: 3, cluster: 'gamma' }],
    remember: (memory) => memory.verificationPlacement.set(1, { ...noPeer, needs: 'Trusted' }),
    expected: ['PlaceVerification Independent -alpha -acme -beta/n2 -gamma/n2'],
  },
  {
    name: 'many that failed: each waits longer, and the work stays held',
    rounds: Array.from({ length: 5 }, (_, index) => ({
      ...refunded(peer, 'TaskTimeout'),
      attempt: 2 + index,
      settledAt: now - 7999,
    })),
    expected: [],
  },
  {
    name: 'many that failed, after the wait',
    rounds: Array.from({ length: 5 }, (_, index) => ({
      ...refunded(peer, 'TaskTimeout'),
      attempt: 2 + index,
      settledAt: now - 8000,
    })),
    expected: [`PlaceVerification Trusted -alpha -acme${' -beta/n2'.repeat(5)}`],
  },
  {
    name: 'enough that blame the input: nobody is blamed',
    rounds: Array.from({ length: 5 }, (_, index) => ({ ...refunded(peer, 'InputRejected'), attempt: 2 + index })),
    expected: ['Refund 1 VerificationInconclusive'],
  },
  { name: 'executed: compare', rounds: [peer], expected: ['Compare 1:2'] },
  {
    name: 'agreement: both are paid, the work last',
    rounds: [peer],
    compared: { '1:2': 'pass' },
    expected: ['Release 2', 'Release 1 ab'],
  },
  {
    name: 'after a crash between the two',
    rounds: [{ ...peer, state: 'Released' }],
    compared: { '1:2': 'pass' },
    expected: ['Release 1 ab'],
  },
  {
    name: 'disagreement: a trusted node decides',
    rounds: [peer],
    compared: { '1:2': 'fail' },
    expected: ['PlaceVerification Trusted -alpha -beta'],
  },
  {
    name: 'a doubt goes to the trusted node too',
    rounds: [peer],
    compared: { '1:2': 'inconclusive' },
    expected: ['PlaceVerification Trusted -alpha -beta'],
  },
  {
    name: 'the work was wrong',
    rounds: [peer, court],
    compared: { '1:2': 'fail', '3:1': 'fail', '3:2': 'pass' },
    expected: ['Release 3', 'Release 2', 'Quarantine n1', 'Refund 1 VerificationFailed'],
  },
  {
    name: 'after a crash before the work was refunded: the same verdict',
    rounds: [
      { ...peer, state: 'Released' },
      { ...court, state: 'Released' },
    ],
    compared: { '1:2': 'fail', '3:1': 'fail', '3:2': 'pass' },
    quarantined: ['n1'],
    expected: ['Quarantine n1', 'Refund 1 VerificationFailed'],
  },
  {
    name: 'right rows of a node that was quarantined for others: who checked them is paid',
    rounds: [peer],
    compared: { '1:2': 'pass' },
    quarantined: ['n1'],
    expected: ['Release 2', 'Refund 1 NodeQuarantined'],
  },
  {
    name: 'a dispute with a node that was quarantined for others is not taken further',
    rounds: [peer],
    compared: { '1:2': 'fail' },
    quarantined: ['n1'],
    expected: ['Release 2', 'Refund 1 NodeQuarantined'],
  },
  {
    name: 'a paid re-execution whose node was quarantined: another takes its place',
    rounds: [{ ...peer, state: 'Released' }],
    quarantined: ['n2'],
    expected: ['PlaceVerification Independent -alpha -acme'],
  },
  {
    name: 'a paid re-execution whose output is gone: another takes its place',
    rounds: [{ ...peer, state: 'Released' }],
    missing: [2],
    expected: ['PlaceVerification Independent -alpha -acme'],
  },
  {
    name: 'the verifier was wrong',
    rounds: [peer, court],
    compared: { '1:2': 'fail', '3:1': 'pass', '3:2': 'fail' },
    expected: ['Release 3', 'Quarantine n2', 'Refund 2 VerificationFailed', 'Release 1 ab'],
  },
  {
    name: 'no two agree: nobody is punished',
    rounds: [peer, court],
    compared: { '1:2': 'fail', '3:1': 'fail', '3:2': 'fail' },
    expected: ['Release 3', 'Refund 1 VerificationInconclusive', 'Refund 2 VerificationInconclusive'],
  },
  {
    name: 'a trusted node alone that agrees',
    rounds: [court],
    compared: { '1:3': 'pass' },
    expected: ['Release 3', 'Release 1 ab'],
  },
  {
    name: 'a trusted node alone never convicts',
    rounds: [court],
    compared: { '1:3': 'fail' },
    expected: ['PlaceVerification Trusted -alpha -court'],
  },
  {
    name: 'a second trusted node is waited for',
    rounds: [court],
    compared: { '1:3': 'fail' },
    remember: (memory) => memory.verificationPlacement.set(1, { ...noPeer, needs: 'Trusted', since: now - 299_999 }),
    expected: ['PlaceVerification Trusted -alpha -court'],
  },
  {
    name: 'a dispute that nobody comes to decide: nobody is punished',
    rounds: [court],
    compared: { '1:3': 'fail' },
    remember: (memory) => memory.verificationPlacement.set(1, { ...noPeer, needs: 'Trusted', since: now - 300_000 }),
    expected: ['Release 3', 'Refund 1 VerificationInconclusive'],
  },
];

describe('stepVerification', () => {
  for (const { name, rounds, compared = {}, remember, quarantined = [], missing = [], expected } of rows) {
    test(name, () => {
      const tasks = new Map(
        [primary, ...rounds].map(({ attempt }) => [
          attempt,
          makeTask(attempt, { phase: 'Succeeded' }, { acknowledgedAttempt: attempt }),
        ]),
      );
      const place = (_: string, node: string) => ({ ...well, isQuarantined: quarantined.includes(node) });
      const observed = observe({ attempts: [primary, ...rounds], tasks, place }, (memory) => {
        for (const { attempt } of rounds) {
          memory.receipts.set(attempt, receipt);
          memory.evidence.set(
            attempt,
            missing.includes(attempt) ? { result: 'Missing', message: '' } : { result: 'Matches' },
          );
        }
        for (const [key, outcome] of Object.entries(compared)) {
          const [reference, candidate] = key.split(':').map(Number);
          memory.comparisons.set(comparisonKey(reference!, candidate!), {
            result: 'Compared',
            outcomes: ['pass', outcome],
            message: '',
          });
        }
        remember?.(memory);
      });
      const { actions } = stepVerification(observed, primary, { receipt, sampled: 2 }, now);
      const told = actions.map((action) => {
        switch (action.type) {
          case 'PlaceVerification':
            return [
              'PlaceVerification',
              action.needs,
              ...[...action.excludedClusters, ...action.excludedProviders, ...action.excludedNodes].map(
                (one) => `-${one}`,
              ),
            ].join(' ');
          case 'Compare':
            return `Compare ${action.reference}:${action.candidate}`;
          case 'Release':
            return ['Release', action.attempt, ...(action.outputs ?? []).map(({ sha256 }) => sha256)].join(' ');
          case 'Refund':
            return `Refund ${action.attempt} ${action.reason}`;
          case 'Quarantine':
            return `Quarantine ${action.node}`;
          default:
            return action.type;
        }
      });
      assert.deepEqual(told, expected);
    });
  }
});
