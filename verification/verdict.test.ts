import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Outcome } from './compare.ts';
import { decideVerdict, type VerdictReason } from './verdict.ts';

type Known = Outcome | undefined;
const short: Readonly<Record<string, Known>> = { p: 'pass', i: 'inconclusive', f: 'fail', '-': undefined };

/** primary–verifier, primary–reference, verifier–reference → primary, verifier, reason. Every combination once. */
const TABLE = `
p -- pp Agreement
p p- pp Agreement
p i- ip ReferenceInconclusive
p f- ip ReferenceInconclusive
p -p pp Agreement
p pp pp Agreement
p ip ip ReferenceInconclusive
p fp ip ReferenceInconclusive
p -i pi ReferenceInconclusive
p pi pi ReferenceInconclusive
p ii ii ReferenceInconclusive
p fi ii ReferenceInconclusive
p -f pi ReferenceInconclusive
p pf pi ReferenceInconclusive
p if ii ReferenceInconclusive
p ff ii ReferenceInconclusive
x pp pp ReferenceConfirmsPrimary
x pi pi ReferenceConfirmsPrimary
x pf pf ReferenceConfirmsPrimary
x ip ip ReferenceInconclusive
x ii ii ReferenceInconclusive
x if ii ReferenceInconclusive
x fp fp ReferenceConvictsPrimary
x fi ii ReferenceInconclusive
x ff ii ReferenceInconclusive
x -- -- AwaitingReference
x p- -- AwaitingReference
x i- -- AwaitingReference
x f- -- AwaitingReference
x -p -- AwaitingReference
x -i -- AwaitingReference
x -f -- AwaitingReference`
  .trim()
  .split('\n')
  .map((line) => line.split(' ') as [string, string, string, VerdictReason])
  // x: the verifier's disagreement weighs the same whether it is hard or soft.
  .flatMap(([pair, ...rest]) =>
    (pair === 'x' ? (['i', 'f'] as const) : [pair]).map((known) => [known, ...rest] as const),
  );

describe('decideVerdict', () => {
  for (const [pair, references, outcomes, reason] of TABLE) {
    test(`${pair} ${references} → ${outcomes} ${reason}`, () => {
      const verdict = decideVerdict({
        delivered: 'matchesLeaf',
        primaryVerifier: short[pair],
        primaryReference: short[references[0]!],
        verifierReference: short[references[1]!],
      });
      const awaits = reason === 'AwaitingReference' ? 'reference' : undefined;
      assert.deepEqual(verdict, { primary: short[outcomes[0]!], verifier: short[outcomes[1]!], awaits, reason });
    });
  }

  const outcomes = Object.values(short);
  test('the table has every combination with a verifier', () => {
    assert.equal(new Set(TABLE.map(([pair, references]) => pair + references)).size, 3 * 4 * 4);
  });

  test('without a verifier nothing is decided; with other bytes delivered everything is', () => {
    for (const primaryReference of outcomes) {
      for (const verifierReference of outcomes) {
        const awaiting = decideVerdict({
          delivered: 'matchesLeaf',
          primaryVerifier: undefined,
          primaryReference,
          verifierReference,
        });
        assert.deepEqual(awaiting, {
          primary: undefined,
          verifier: undefined,
          awaits: 'verifier',
          reason: 'AwaitingVerifier',
        });
        for (const primaryVerifier of outcomes) {
          const proven = decideVerdict({
            delivered: 'differsFromLeaf',
            primaryVerifier,
            primaryReference,
            verifierReference,
          });
          assert.deepEqual(proven, {
            primary: 'fail',
            verifier: 'inconclusive',
            awaits: undefined,
            reason: 'DeliveredBytesDiffer',
          });
        }
      }
    }
  });

  test('primary and verifier are judged alike', () => {
    for (const primaryVerifier of outcomes.slice(0, 3)) {
      for (const a of outcomes.slice(0, 3)) {
        for (const b of outcomes.slice(0, 3)) {
          const one = decideVerdict({
            delivered: 'matchesLeaf',
            primaryVerifier,
            primaryReference: a,
            verifierReference: b,
          });
          const other = decideVerdict({
            delivered: 'matchesLeaf',
            primaryVerifier,
            primaryReference: b,
            verifierReference: a,
          });
          assert.deepEqual([one.primary, one.verifier], [other.verifier, other.primary]);
        }
      }
    }
  });
});
