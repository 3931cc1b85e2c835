// Original file: proto/isochrone/v1alpha1/scheduler.proto

import type { ModelDemand as _isochrone_v1alpha1_ModelDemand, ModelDemand__Output as _isochrone_v1alpha1_ModelDemand__Output } from '../../isochrone/v1alpha1/ModelDemand.ts';
import type { Strategy as _isochrone_v1alpha1_Strategy, Strategy__Output as _isochrone_v1alpha1_Strategy__Output } from '../../isochrone/v1alpha1/Strategy.ts';
import type { Origin as _isochrone_v1alpha1_Origin, Origin__Output as _isochrone_v1alpha1_Origin__Output } from '../../isochrone/v1alpha1/Origin.ts';
import type { Long } from '@grpc/proto-loader';

export interface TaskRequest {
  'workUid'?: (string);
  'attempt'?: (number | string | Long);
  'records'?: (number | string | Long);
  'inputBytes'?: (number | string | Long);
  'model'?: (_isochrone_v1alpha1_ModelDemand | null);
  'executionProviders'?: (string)[];
  'deviceMemory'?: (number | string | Long);
  'minCudaComputeCapability'?: (number);
  'allowedCountries'?: (string)[];
  'maxPrice'?: (number | string | Long);
  'strategy'?: (_isochrone_v1alpha1_Strategy);
  'origin'?: (_isochrone_v1alpha1_Origin | null);
  'excludedProviders'?: (string)[];
  'excludedClusters'?: (string)[];
  'excludedNodes'?: (string)[];
  'trusted'?: (boolean);
}

export interface TaskRequest__Output {
  'workUid': (string);
  'attempt': (number);
  'records': (number);
  'inputBytes': (number);
  'model': (_isochrone_v1alpha1_ModelDemand__Output | null);
  'executionProviders': (string)[];
  'deviceMemory': (number);
  'minCudaComputeCapability': (number);
  'allowedCountries': (string)[];
  'maxPrice': (number);
  'strategy': (_isochrone_v1alpha1_Strategy__Output);
  'origin': (_isochrone_v1alpha1_Origin__Output | null);
  'excludedProviders': (string)[];
  'excludedClusters': (string)[];
  'excludedNodes': (string)[];
  'trusted': (boolean);
}
