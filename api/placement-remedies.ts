/**
 * By plugin of the scheduler that rejects nodes: what to change so that they would fit. The operator tells it in conditions,
 * `kubectl isochrone why` in its advice.
 */
export const placementRemedies: Readonly<Record<string, string>> = {
  AllowedCountries:
    'add the countries of more clusters to spec.placement.allowedCountries in a new job, or add a cluster there',
  Cordoned:
    'an administrator lets work onto them again: kubectl isochrone uncordon (kubectl isochrone nodes lists them)',
  DataDistance:
    'name the region of an EdgeCluster in spec.placement.origin.region (kubectl get edgeclusters), or give latitude and longitude, in a new job',
  DeviceCapacity: 'wait until running work ends, or lower spec.hardware.deviceMemory in a new job',
  HardwareFit:
    'allow more in spec.hardware.executionProviders, or lower deviceMemory or minCUDAComputeCapability, in a new job, or add nodes that have it',
  Independence: 'verification and retries need a node of another provider: add one to the federation',
  NodeReady:
    'bring the nodes, clusters or providers back: kubectl get edgeclusters,providers; kubectl get inferencenodes -A',
  PriceCap: 'raise spec.budget.maxPricePerThousandReferenceSeconds, or spec.budget.total, in a new job',
  TrustedClass:
    'add an EdgeCluster of class Edge (trusted ones take no ordinary work), or of class Trusted for admission',
};
