import { Counter, Gauge, type Metric, type Registry } from 'prom-client';

/** What the operator tells about the federation, besides the runtime's own metrics. Building it again on one registry gives the same series. */
export class OperatorMetrics {
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  get clusterReady(): Gauge<'cluster'> {
    return this.#gauge('isochrone_edge_cluster_ready', '1 while the EdgeCluster is Ready', ['cluster']);
  }
  get clusterNodes(): Gauge<'cluster' | 'state'> {
    return this.#gauge('isochrone_edge_cluster_nodes', 'Accepted nodes: total, and those that are ready', [
      'cluster',
      'state',
    ]);
  }
  get credentialExpiration(): Gauge<'cluster'> {
    return this.#gauge(
      'isochrone_edge_credential_expiration_timestamp_seconds',
      'When the current token of the EdgeCluster expires',
      ['cluster'],
    );
  }
  get tokensIssued(): Counter<'result'> {
    return this.#counter('isochrone_edge_tokens_issued_total', 'Tokens issued for edges: issued or failed', ['result']);
  }
  get reportsRefused(): Counter<'reason'> {
    return this.#counter('isochrone_node_reports_refused_total', 'NodeReports that were not accepted, by reason', [
      'reason',
    ]);
  }
  get admissions(): Counter<'reason'> {
    return this.#counter('isochrone_model_admissions_total', 'Admissions of model versions that ended, by reason', [
      'reason',
    ]);
  }
  get ledgerUp(): Gauge {
    return this.#gauge('isochrone_ledger_up', '1 while the ledger answers', []);
  }
  get accountBalance(): Gauge<'namespace'> {
    return this.#gauge('isochrone_account_balance', 'Balance of a namespace in the currency of the federation', [
      'namespace',
    ]);
  }
  get providerBalance(): Gauge<'provider'> {
    return this.#gauge('isochrone_provider_balance', 'Balance of a provider in the currency of the federation', [
      'provider',
    ]);
  }

  #counter<L extends string>(name: string, help: string, labelNames: L[]): Counter<L> {
    return this.#once(name, () => new Counter({ name, help, labelNames, registers: [this.#registry] }));
  }
  #gauge<L extends string>(name: string, help: string, labelNames: L[]): Gauge<L> {
    return this.#once(name, () => new Gauge({ name, help, labelNames, registers: [this.#registry] }));
  }
  #once<M extends Metric>(name: string, create: () => M): M {
    return (this.#registry.getSingleMetric(name) as M | undefined) ?? create();
  }
}
