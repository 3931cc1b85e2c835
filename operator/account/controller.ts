import { isDeepStrictEqual } from 'node:util';
import { labels, names, type InferenceJob } from '@isochrone/api';
import {
  Controller,
  core,
  done,
  parseKey,
  requeueAfter,
  TerminalError,
  type ApiClient,
  type Clock,
  type ConfigMap,
  type Informer,
  type Logger,
  type Metrics,
  type Namespace,
} from '@isochrone/kube';
import { controllerDefaults } from '../controller-defaults.ts';
import type { NamespaceView } from '../edge-cluster/observe.ts';
import type { Ledger } from '@isochrone/ledger';
import type { OperatorMetrics } from '../metrics.ts';
import { accountStatement, STATEMENT_POSTINGS } from './statement.ts';

export interface AccountDeps {
  readonly client: ApiClient;
  /** Declared with the index `namespace`. */
  readonly jobs: Informer<InferenceJob>;
  readonly namespaces: Informer<Namespace, NamespaceView>;
  /** The ConfigMaps of this name, of all namespaces. */
  readonly statements: Informer<ConfigMap>;
  readonly ledger: Ledger;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly operatorMetrics: OperatorMetrics;
  readonly clock: Clock;
  readonly currency: string;
  /** How often the ledger, which tells no changes, is asked. */
  readonly pollSeconds: number;
}

/** Shows each namespace that has jobs its account, in the ConfigMap `isochrone-account`. */
export function createAccountController(deps: AccountDeps): Controller {
  const { jobs, namespaces, statements, logger, metrics, clock, operatorMetrics, pollSeconds } = deps;
  return new Controller({
    ...controllerDefaults,
    name: 'account',
    logger,
    metrics,
    clock,
    reconcile: async (namespace) => {
      if (jobs.byIndex('namespace', namespace).length === 0 || namespaces.get(namespace)?.terminating !== false) {
        operatorMetrics.accountBalance.remove({ namespace });
        return done;
      }
      await writeStatement(deps, namespace);
      return requeueAfter(pollSeconds * 1000);
    },
  })
    .watches(jobs, ({ metadata }) => [metadata.namespace ?? ''])
    .watches(statements, (_, key) => [parseKey(key).namespace ?? '']);
}

async function writeStatement(deps: AccountDeps, namespace: string): Promise<void> {
  const { client, ledger, operatorMetrics, statements, currency } = deps;
  const account = await ledger.namespaceAccount(namespace);
  operatorMetrics.accountBalance.set({ namespace }, Number(account.balance) / 1e6);
  const entries = await ledger.statement(`namespace/${namespace}`, { limit: STATEMENT_POSTINGS });
  const desired = accountStatement(namespace, account, entries, currency);
  const existing = statements.get(`${namespace}/${names.accountStatement}`);
  if (existing !== undefined && existing.metadata.labels?.[labels.managedBy] !== 'isochrone') {
    throw new TerminalError(
      `ConfigMap ${namespace}/${names.accountStatement} was not made by Isochrone; rename it, for the account is shown under this name`,
    );
  }
  if (isDeepStrictEqual(existing?.data, desired.data)) return;
  await client.apply(core.configMaps, desired, { force: true });
}
