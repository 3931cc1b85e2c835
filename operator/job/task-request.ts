import type { InferenceJob } from '@isochrone/api';
import { parseMoney } from '@isochrone/ledger';
import type { TaskRequest } from '../scheduler-client.ts';
import { inputLayout, type JobModel } from './model-check.ts';
import type { AdmittedInput } from './observed.ts';

export interface Demand {
  readonly workUID: string;
  readonly attempt: number;
  readonly records: number;
  /** Highest price that the budget bears. */
  readonly affordable: bigint;
  readonly excludedNodes: readonly string[];
  readonly excludedClusters?: readonly string[];
  readonly excludedProviders?: readonly string[];
  readonly trusted?: boolean;
}

const strategies = { Balanced: 'BALANCED', Latency: 'LATENCY', Cost: 'COST' } as const;

/** The scheduler reads prices as numbers; above this no price is a limit. */
const highestPrice = 2n ** 53n - 1n;

/** What the scheduler is asked for one attempt. */
export function taskRequest(job: InferenceJob, input: AdmittedInput, model: JobModel, demand: Demand): TaskRequest {
  const { hardware, placement } = job.spec;
  const { origin } = placement;
  return {
    workUid: demand.workUID,
    attempt: demand.attempt,
    records: demand.records,
    inputBytes: demand.records * inputLayout(input, model).recordBytes,
    model: {
      sha256: model.version.sha256,
      sizeBytes: model.sizeBytes,
      referenceNanosecondsPerRecord: model.referenceNanosecondsPerRecord,
    },
    executionProviders: hardware.executionProviders,
    deviceMemory: model.deviceMemory,
    minCudaComputeCapability: Math.round(Number(hardware.minCUDAComputeCapability ?? '0') * 10),
    allowedCountries: placement.allowedCountries ?? [],
    maxPrice: Number(priceLimit(job, demand.affordable)),
    strategy: strategies[placement.strategy],
    ...(origin === undefined
      ? {}
      : {
          origin: {
            region: origin.region ?? '',
            latitude: Number(origin.latitude ?? '0'),
            longitude: Number(origin.longitude ?? '0'),
            coordinates: origin.latitude !== undefined,
          },
        }),
    excludedProviders: [...(demand.excludedProviders ?? [])],
    excludedClusters: [...(demand.excludedClusters ?? [])],
    excludedNodes: [...demand.excludedNodes],
    trusted: demand.trusted ?? false,
  };
}

/** The lower of what the user allows and what the budget bears; never 0, which would be no limit. */
function priceLimit({ spec }: InferenceJob, affordable: bigint): bigint {
  const own = spec.budget.maxPricePerThousandReferenceSeconds;
  const limits = [affordable, highestPrice, ...(own === undefined ? [] : [parseMoney(own)])];
  const least = limits.reduce((low, limit) => (limit < low ? limit : low));
  return least < 1n ? 1n : least;
}
