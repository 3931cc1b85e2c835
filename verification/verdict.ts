import type { Outcome } from './compare.ts';

/** What is known of one sampled record. Comparisons appear as executions finish. */
export interface VerdictInput {
  /** Whether the digest of the delivered row is the one in the committed leaf, proven under the signed root. */
  readonly delivered: 'matchesLeaf' | 'differsFromLeaf';
  /** Undefined while the verifier has not answered. */
  readonly primaryVerifier: Outcome | undefined;
  /** Undefined while (or if) the trusted reference has not executed. */
  readonly primaryReference: Outcome | undefined;
  readonly verifierReference: Outcome | undefined;
}

export type VerdictReason =
  | 'DeliveredBytesDiffer'
  | 'AwaitingVerifier'
  | 'Agreement'
  | 'AwaitingReference'
  | 'ReferenceConfirmsPrimary'
  | 'ReferenceConvictsPrimary'
  /** No two agree well enough to judge the primary: draw a fresh verifier, or calibrate the model. */
  | 'ReferenceInconclusive';

export interface Verdict {
  /** Undefined while something is awaited. */
  readonly primary: Outcome | undefined;
  readonly verifier: Outcome | undefined;
  /** What must still happen before the verdict is final. */
  readonly awaits: 'verifier' | 'reference' | undefined;
  readonly reason: VerdictReason;
}

/**
 * Judges both nodes of one sampled record. A node is convicted only when another node and the trusted reference agree with
 * each other and not with it; a lone verifier never convicts, and neither does a lone reference. Delivering other bytes than
 * were committed needs no jury: signature, Merkle proof and object prove it.
 */
export function decideVerdict(input: VerdictInput): Verdict {
  const { delivered, primaryVerifier, primaryReference, verifierReference } = input;
  if (delivered === 'differsFromLeaf') {
    // The verifier did nothing wrong, but there is no honest primary answer to compare it with.
    return { primary: 'fail', verifier: 'inconclusive', awaits: undefined, reason: 'DeliveredBytesDiffer' };
  }
  if (primaryVerifier === undefined) return awaiting('verifier', 'AwaitingVerifier');
  if (primaryVerifier === 'pass') {
    // Two that agree are never convicted by the reference alone, but what it contradicts is not confirmed either.
    const primary = confirmed(primaryReference);
    const verifier = confirmed(verifierReference);
    const agreed = primary === 'pass' && verifier === 'pass';
    return { primary, verifier, awaits: undefined, reason: agreed ? 'Agreement' : 'ReferenceInconclusive' };
  }
  if (primaryReference === undefined || verifierReference === undefined)
    return awaiting('reference', 'AwaitingReference');
  const primary = judged(primaryReference, verifierReference);
  return {
    primary,
    verifier: judged(verifierReference, primaryReference),
    awaits: undefined,
    reason: REASONS[primary],
  };
}

const REASONS: Readonly<Record<Outcome, VerdictReason>> = {
  pass: 'ReferenceConfirmsPrimary',
  fail: 'ReferenceConvictsPrimary',
  inconclusive: 'ReferenceInconclusive',
};

function confirmed(reference: Outcome | undefined): Outcome {
  return reference === undefined || reference === 'pass' ? 'pass' : 'inconclusive';
}

/** One node's outcome, from its own comparison with the reference and the other node's. */
function judged(own: Outcome, other: Outcome): Outcome {
  if (own === 'pass') return 'pass';
  return own === 'fail' && other === 'pass' ? 'fail' : 'inconclusive';
}

function awaiting(awaits: 'verifier' | 'reference', reason: VerdictReason): Verdict {
  return { primary: undefined, verifier: undefined, awaits, reason };
}
