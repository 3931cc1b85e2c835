import type { Condition, Provider, ProviderStatus } from '@isochrone/api';
import { setCondition } from '@isochrone/kube';
import { formatMoney } from '@isochrone/ledger';

/** @param balance of the provider's account, micro-currency; @param now milliseconds since 1970 */
export function providerStatus(provider: Provider, balance: bigint, now: number): ProviderStatus {
  const { generation = 0 } = provider.metadata;
  const verdict: Pick<Condition, 'status' | 'reason' | 'message'> = provider.spec.suspended
    ? {
        status: 'False',
        reason: 'Suspended',
        message: 'spec.suspended is true: nodes of the provider get no new work, running work goes on and is paid',
      }
    : { status: 'True', reason: 'Active', message: 'nodes of the provider may get work' };
  const condition = { type: 'Active', ...verdict, observedGeneration: generation };
  return {
    observedGeneration: generation,
    balance: formatMoney(balance),
    conditions: [...setCondition(provider.status?.conditions, condition, now)],
  };
}
