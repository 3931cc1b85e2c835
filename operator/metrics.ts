import { conditions } from '@isochrone/api';
import { Instruments, type ComputedGauge } from '@isochrone/kube';
import type { Counter, Gauge, Registry } from 'prom-client';
import { outcomeMessages } from './join/decide-request.ts';
import type { NodeRefusal } from './node/reconcile.ts';

/** What the operator tells about the federation, besides the runtime's own metrics. No label ever names a node. */
export class OperatorMetrics {
  readonly clusterInfo: ComputedGauge<(typeof infoLabels)[number]>;
  readonly clusterReady: ComputedGauge<'cluster'>;
  readonly clusterCondition: ComputedGauge<'cluster' | 'condition' | 'reason'>;
  readonly clusterNodes: ComputedGauge<'cluster' | 'state'>;
  readonly credentialIssued: ComputedGauge<'cluster'>;
  readonly credentialExpiration: ComputedGauge<'cluster'>;
  readonly evictionsHeld: ComputedGauge<never>;
  readonly nodes: ComputedGauge<'cluster' | 'condition' | 'reason'>;
  readonly tokensIssued: Counter<'result'>;
  readonly reportsRefused: Counter<'reason'>;
  readonly joins: Counter<'outcome'>;
  readonly credentialsSealed: Counter;
  readonly admissions: Counter<'reason'>;
  readonly ledgerUp: Gauge;
  readonly ledgerCorrupt: Gauge;
  readonly accountBalance: Gauge<'namespace'>;
  readonly providerBalance: Gauge<'provider'>;

  constructor(registry: Registry) {
    const of = new Instruments(registry);
    this.clusterInfo = of.computed(
      'isochrone_edge_cluster_info',
      'Always 1; the labels name the provider, the class and the accepted location of the EdgeCluster',
      [...infoLabels],
    );
    this.clusterReady = of.computed('isochrone_edge_cluster_ready', '1 while the EdgeCluster is Ready', ['cluster']);
    this.clusterCondition = of.computed(
      'isochrone_edge_cluster_condition',
      '1 while the condition of the EdgeCluster is True, 0 while it is not; with its reason',
      ['cluster', 'condition', 'reason'],
    );
    this.clusterNodes = of.computed('isochrone_edge_cluster_nodes', 'Accepted nodes: total, and those that are ready', [
      'cluster',
      'state',
    ]);
    this.credentialIssued = of.computed(
      'isochrone_edge_credential_issued_timestamp_seconds',
      'When the current token of the EdgeCluster was issued',
      ['cluster'],
    );
    this.credentialExpiration = of.computed(
      'isochrone_edge_credential_expiration_timestamp_seconds',
      'When the current token of the EdgeCluster expires',
      ['cluster'],
    );
    this.evictionsHeld = of.computed(
      'isochrone_evictions_held',
      '1 while most members are unreachable at once and their work is left where it is, 0 otherwise',
      [],
    );
    this.nodes = of.computed('isochrone_nodes', 'Accepted nodes by a condition and its reason', [
      'cluster',
      'condition',
      'reason',
    ]);
    this.tokensIssued = of.counter('isochrone_edge_tokens_issued_total', 'Tokens issued for edges: issued or failed', [
      'result',
    ]);
    this.reportsRefused = of.counter(
      'isochrone_node_reports_refused_total',
      'NodeReports that were not accepted, by reason',
      ['reason'],
    );
    this.admissions = of.counter(
      'isochrone_model_admissions_total',
      'Admissions of model versions that ended, by reason',
      ['reason'],
    );
    this.ledgerUp = of.gauge('isochrone_ledger_up', '1 while the ledger answers');
    this.ledgerCorrupt = of.gauge(
      'isochrone_ledger_corrupt',
      '1 while the last proof of the books failed: this operator pays nothing and does not lead',
    );
    this.accountBalance = of.gauge(
      'isochrone_account_balance',
      'Balance of a namespace in the currency of the federation',
      ['namespace'],
    );
    this.providerBalance = of.gauge(
      'isochrone_provider_balance',
      'Balance of a provider in the currency of the federation',
      ['provider'],
    );
    this.joins = of.counter(
      'isochrone_edge_joins_total',
      'Join tokens that ended, by how: Joined, or why they were refused',
      ['outcome'],
    );
    this.credentialsSealed = of.counter(
      'isochrone_edge_credentials_sealed_total',
      'Encrypted credentials that were handed to a member that was accepted',
    );
    // A rate does not see the step from no series to the first one.
    for (const result of ['issued', 'failed']) this.tokensIssued.inc({ result }, 0);
    for (const outcome of Object.keys(outcomeMessages)) this.joins.inc({ outcome }, 0);
    for (const reason of refusals) this.reportsRefused.inc({ reason }, 0);
    for (const reason of conditions.inferenceModel.Admitted)
      if (reason !== 'Admitting') this.admissions.inc({ reason }, 0);
  }

  /** What only a leader knows: a standby must not go on telling it. */
  endTerm(): void {
    this.accountBalance.reset();
    this.providerBalance.reset();
  }
}

const refusals: readonly NodeRefusal[] = ['ReportInvalid', 'KeyChanged', 'DeviceClaimedTwice', 'TooManyNodes'];
const infoLabels = ['cluster', 'provider', 'class', 'country', 'region', 'latitude', 'longitude'] as const;
