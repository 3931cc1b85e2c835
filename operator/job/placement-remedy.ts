import { placementRemedies, type InferenceJob } from '@isochrone/api';
import type { Explanation } from '../scheduler-client.ts';

/** By plugin of the scheduler that goes by fields of the job: what they say. What only passes is not in it. */
const stated: Readonly<Record<string, (spec: InferenceJob['spec']) => string>> = {
  AllowedCountries: ({ placement }) =>
    `spec.placement.allowedCountries is [${placement.allowedCountries?.join(', ') ?? ''}]`,
  DataDistance: ({ placement }) => `spec.placement.origin.region is ${placement.origin?.region ?? 'not set'}`,
  HardwareFit: ({ hardware }) => {
    const { executionProviders, deviceMemory, minCUDAComputeCapability } = hardware;
    const asked = [
      `executionProviders [${executionProviders.join(', ')}]`,
      ...(deviceMemory === undefined ? [] : [`deviceMemory ${deviceMemory}`]),
      ...(minCUDAComputeCapability === undefined ? [] : [`minCUDAComputeCapability ${minCUDAComputeCapability}`]),
    ];
    return `spec.hardware asks for ${asked.join(', ')}`;
  },
  PriceCap: ({ budget }) =>
    `spec.budget.maxPricePerThousandReferenceSeconds is ${budget.maxPricePerThousandReferenceSeconds ?? 'not set'}, spec.budget.total ${budget.total}, and nodes ask for more`,
};

/** The scheduler's message, with what the user can change. */
export function placementMessage(job: InferenceJob, explanation: Explanation | undefined): string {
  if (explanation === undefined) return 'the node that was offered is excluded; another is looked for';
  const plugins = new Set((explanation.rejects ?? []).map(({ plugin }) => plugin ?? ''));
  const told = [...plugins].flatMap((plugin) => {
    const fields = stated[plugin]?.(job.spec);
    return fields === undefined ? [] : [`${fields}: ${placementRemedies[plugin] ?? ''}`];
  });
  return [explanation.message ?? '', ...told].join('; ');
}
