import type { InferenceJob } from '@isochrone/api';
import type { Explanation } from '../scheduler-client.ts';

/** By plugin of the scheduler: the fields of the job that it goes by, and what to do. What only passes is not in it. */
const remedies: Readonly<Record<string, (spec: InferenceJob['spec']) => string>> = {
  AllowedCountries: ({ placement }) =>
    `spec.placement.allowedCountries is [${placement.allowedCountries?.join(', ') ?? ''}]; allow the countries of more clusters in a new job, or add a cluster there`,
  HardwareFit: ({ hardware }) => {
    const { executionProviders, deviceMemory, minCUDAComputeCapability } = hardware;
    const asked = [
      `executionProviders [${executionProviders.join(', ')}]`,
      ...(deviceMemory === undefined ? [] : [`deviceMemory ${deviceMemory}`]),
      ...(minCUDAComputeCapability === undefined ? [] : [`minCUDAComputeCapability ${minCUDAComputeCapability}`]),
    ];
    return `spec.hardware asks for ${asked.join(', ')}; ask for less in a new job, or add nodes that have it`;
  },
  PriceCap: ({ budget }) =>
    `spec.budget.maxPricePerThousandReferenceSeconds is ${budget.maxPricePerThousandReferenceSeconds ?? 'not set'}, spec.budget.total ${budget.total}; the nodes ask for more: raise it in a new job`,
};

/** The scheduler's message, with what the user can change. */
export function placementMessage(job: InferenceJob, explanation: Explanation | undefined): string {
  if (explanation === undefined) return 'the node that was offered is excluded; another is looked for';
  const plugins = new Set((explanation.rejects ?? []).map(({ plugin }) => plugin ?? ''));
  const told = [...plugins].flatMap((plugin) => remedies[plugin]?.(job.spec) ?? []);
  return [explanation.message ?? '', ...told].join('; ');
}
