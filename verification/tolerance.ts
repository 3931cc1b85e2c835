import type { DataType } from '@isochrone/tensor';
import { VerificationError } from './errors.ts';

/** How far two executions of one record may lie apart. Integers, booleans and bytes must always be equal. */
export interface Tolerance {
  /** Bound on ‖y−r‖₂ / ‖r‖₂. Beyond ten times this two executions are held to be different computations. */
  readonly relativeL2: number;
  /** Element-wise: |y−r| ≤ absolute + relative·|r| for at least 99.9 % of the elements. */
  readonly absolute: number;
  readonly relative: number;
  /** Bound on 1 − cosine similarity. */
  readonly cosineDistance: number;
  /** Whether the position of the largest element along the last axis must agree, unless it is tied. */
  readonly top1: boolean;
}

/** Whether both executions ran in one runtime class (execution provider, architecture, onnxruntime) or in two. */
export type ClassRelation = 'SameClass' | 'CrossClass';

export type NumericProfile = 'fp32-strict' | 'tf32' | 'fp16' | 'bf16' | 'int8';

export const numericProfiles: readonly NumericProfile[] = ['fp32-strict', 'tf32', 'fp16', 'bf16', 'int8'];

/**
 * Where the figures come from. relativeL2: honest spread of each precision on a 16-layer network, rounded up (fp32 7e-7 to
 * 1e-6; tf32 6e-4; fp16 1.3e-3; bf16 1e-2), then widened by what onnxruntime's issues report across GPUs with pinned
 * algorithms (#9704 6e-5, #13061 4e-5). Element-wise for fp32 in one class: onnxruntime's own tolerance between execution
 * providers (onnx_backend_test_series_overrides.jsonc: rtol 1e-3, atol 1e-5), ten times that across classes. All of them
 * are what to use until a model is calibrated, and no more: int8 lies within 1.5 times of bf16, fp16 within 2 times of tf32.
 */
const DEFAULTS: Readonly<Record<NumericProfile, Readonly<Record<ClassRelation, Tolerance | undefined>>>> = {
  'fp32-strict': { SameClass: tolerance(1e-5, 1e-5, 1e-3), CrossClass: tolerance(1e-4, 1e-4, 1e-2) },
  tf32: { SameClass: tolerance(3e-3, 1e-3, 1e-2), CrossClass: tolerance(3e-3, 1e-3, 1e-2) },
  fp16: { SameClass: tolerance(4e-3, 2e-3, 2e-2), CrossClass: tolerance(4e-3, 2e-3, 2e-2) },
  bf16: { SameClass: tolerance(2e-2, 1e-2, 1e-1), CrossClass: tolerance(2e-2, 1e-2, 1e-1) },
  // Integer kernels round to the same bits on one class; across classes even the quantisation of activations differs.
  int8: { SameClass: tolerance(1e-5, 1e-5, 1e-3), CrossClass: undefined },
};

/**
 * The tolerance to use before a model is calibrated.
 * @throws VerificationError PROFILE_UNKNOWN; PROFILE_CLASS for int8 across classes: choose a verifier of the same class
 */
export function defaultTolerance(profile: string, relation: ClassRelation): Tolerance {
  if (!Object.hasOwn(DEFAULTS, profile)) {
    throw new VerificationError(
      'PROFILE_UNKNOWN',
      `numericProfile ${JSON.stringify(profile)} is unknown; use one of ${numericProfiles.join(', ')}`,
    );
  }
  const found = DEFAULTS[profile as NumericProfile][relation];
  if (found) return found;
  throw new VerificationError(
    'PROFILE_CLASS',
    `numericProfile ${profile} cannot be compared across runtime classes; re-execute in the same class`,
  );
}

/** A model as it says how its outputs are compared (InferenceModel, and the task that carries it). */
export interface ComparedModel {
  readonly numericProfile: keyof typeof modelProfiles;
  /** Decimals as text; what is absent follows the profile. */
  readonly tolerance?: { readonly relativeL2?: string; readonly absolute?: string; readonly relative?: string };
}

const modelProfiles = { FP32Strict: 'fp32-strict', FP32: 'tf32' } as const satisfies Record<string, NumericProfile>;

/** Whatever a model computes in, its output is rounded to its data type in the end. */
const outputProfiles: Partial<Record<DataType, NumericProfile>> = { FP16: 'fp16', BF16: 'bf16' };

/** The model's own tolerance where it has one; what it leaves out is the wider of its numeric profile's and its output's. */
export function modelTolerance(
  { numericProfile, tolerance: own = {} }: ComparedModel,
  output: DataType,
  relation: ClassRelation,
): Tolerance {
  const profile = modelProfiles[numericProfile];
  const computed = defaultTolerance(profile, relation);
  const rounded = defaultTolerance(outputProfiles[output] ?? profile, relation);
  const choose = (name: 'relativeL2' | 'absolute' | 'relative'): number =>
    own[name] === undefined ? Math.max(computed[name], rounded[name]) : Number(own[name]);
  return tolerance(choose('relativeL2'), choose('absolute'), choose('relative'));
}

function tolerance(relativeL2: number, absolute: number, relative: number): Tolerance {
  // An error of relative size τ turns a vector by at most about τ, so 1 − cos stays below τ²/2; rounding adds about 1e-12.
  return { relativeL2, absolute, relative, cosineDistance: Math.max(relativeL2 ** 2, 1e-12), top1: true };
}
