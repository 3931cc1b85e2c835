import { providerResource, type Provider } from '@isochrone/api';
import {
  Controller,
  done,
  requeueAfter,
  type ApiClient,
  type Clock,
  type Informer,
  type Logger,
  type Metrics,
} from '@isochrone/kube';
import { controllerDefaults } from '../controller-defaults.ts';
import type { Ledger } from '@isochrone/ledger';
import type { OperatorMetrics } from '../metrics.ts';
import { patchStatus } from '../patch-status.ts';
import { providerStatus } from './reconcile.ts';

export interface ProviderDeps {
  readonly client: ApiClient;
  readonly providers: Informer<Provider>;
  readonly ledger: Ledger;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly operatorMetrics: OperatorMetrics;
  readonly clock: Clock;
  /** How often the ledger, which tells no changes, is asked. */
  readonly pollSeconds: number;
}

/** Shows on each Provider what the ledger says of it. */
export function createProviderController(deps: ProviderDeps): Controller {
  const { client, providers, ledger, logger, metrics, operatorMetrics, clock, pollSeconds } = deps;
  return new Controller({
    ...controllerDefaults,
    name: 'provider',
    logger,
    metrics,
    clock,
    reconcile: async (key) => {
      const provider = providers.get(key);
      if (provider === undefined) {
        operatorMetrics.providerBalance.remove({ provider: key });
        return done;
      }
      const balance = await ledger.balance(`provider/${key}`);
      operatorMetrics.providerBalance.set({ provider: key }, Number(balance) / 1e6);
      await patchStatus(client, providerResource, provider, providerStatus(provider, balance, clock.now()));
      return requeueAfter(pollSeconds * 1000);
    },
  }).watches(providers);
}
