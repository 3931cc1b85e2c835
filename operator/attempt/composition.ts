import { createHmac } from 'node:crypto';
import { sampleIndices } from '@isochrone/verification';

/**
 * The records of the input that re-executes a sample, in order: the sampled ones shuffled among ordinary ones drawn at
 * random. A pure function, so that it is found again after a crash.
 * @param key secret of the operator
 * @param workUID of the re-execution: each has an order of its own
 * @param sampled records of the job's input
 * @param size all records of the composition, at most `inputRecords`
 */
export function composeRecords(
  key: Uint8Array,
  workUID: string,
  sampled: readonly number[],
  inputRecords: number,
  size: number,
): number[] {
  const seed = createHmac('sha256', key).update(`compose/${workUID}`).digest();
  const isSampled = new Set(sampled);
  // Drawing and ordering by different values: padding drawn by the rank that orders would stand before the sample.
  const byRank = (purpose: string, records: readonly number[]): number[] => {
    const rank = new Map(
      records.map((record) => [record, createHmac('sha256', seed).update(`${purpose}/${record}`).digest('hex')]),
    );
    return records.toSorted((a, b) => (rank.get(a)! < rank.get(b)! ? -1 : 1));
  };
  // Enough to fill up, even if every sampled record is drawn again.
  const draw = Math.min(inputRecords, size + sampled.length);
  const drawn = sampleIndices({ key: seed, root: seed, nodeKey: seed, sequence: 0, leafCount: inputRecords }, draw);
  const padding = byRank(
    'draw',
    drawn.filter((record) => !isSampled.has(record)),
  ).slice(0, Math.max(0, size - sampled.length));
  return byRank('order', [...sampled, ...padding]);
}
