import { compareRecords, type NamedTensor, type ToleranceOf } from '@isochrone/verification';
import { TaskFailure } from '../errors.ts';

/** Runs the records with these indices as one batch. Resolves with the outputs of each, in their order. */
export type RunRecords = (indices: readonly number[]) => Promise<readonly (readonly NamedTensor[])[]>;

/**
 * Checks that the output of a record depends on nothing but the record. Every node groups a record with other ones, a verifier
 * among them: of a model that mixes the records of a batch, or throws dice, honest nodes deliver different outputs.
 * @param batch records of one run
 * @param remedy what to do about a model that mixes records
 * @throws TaskFailure NotDeterministic, OutputDependsOnBatch
 */
export async function assertRecordsIndependent(
  run: RunRecords,
  batch: number,
  tolerance: ToleranceOf,
  remedy: string,
): Promise<void> {
  const all = Array.from({ length: batch }, (_, index) => index);
  const reference = await run(all);
  const differenceOf = async (indices: readonly number[]): Promise<string | undefined> => {
    const outputs = await run(indices);
    for (const [position, index] of indices.entries()) {
      const compared = compareRecords(reference[index]!, outputs[position]!, tolerance);
      if (compared.outcome === 'pass') continue;
      const distance = Math.max(0, ...Object.values(compared.outputs).map(({ relativeL2 }) => relativeL2));
      return `${compared.reason}, relative L2 distance ${distance.toExponential(1)}`;
    }
    return undefined;
  };
  const again = await differenceOf(all);
  if (again !== undefined) {
    throw new TaskFailure(
      'NotDeterministic',
      `two runs of the same records gave different outputs (${again}); take random operators out of the model, or give the version a wider tolerance`,
    );
  }
  if (batch === 1) return;
  // In other places beside fewer others, and alone.
  for (const indices of [all.slice(Math.floor(batch / 2)).toReversed(), [0]]) {
    const regrouped = await differenceOf(indices);
    if (regrouped === undefined) continue;
    throw new TaskFailure(
      'OutputDependsOnBatch',
      `the output of a record depends on the other records of its batch (${regrouped}); ${remedy}, or give the version a wider tolerance`,
    );
  }
}
