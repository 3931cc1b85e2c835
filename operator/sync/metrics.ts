import { Instruments } from '@isochrone/kube';
import type { Counter, Gauge, Registry } from 'prom-client';

/** What the edge operator tells besides the runtime's own metrics. */
export class SyncMetrics {
  readonly tasks: Counter<'action'>;
  readonly statuses: Counter<'kind'>;
  readonly reports: Counter;
  readonly strangers: Counter;
  readonly renewals: Counter<'result'>;
  readonly contact: Gauge;
  readonly tokenIssued: Gauge;
  readonly tokenExpiration: Gauge;
  readonly credentialValid: Gauge;
  readonly joins: Counter<'outcome'>;

  constructor(registry: Registry) {
    const of = new Instruments(registry);
    this.tasks = of.counter(
      'isochrone_sync_tasks_total',
      'Copies of tasks on the member: created, updated or deleted',
      ['action'],
    );
    this.statuses = of.counter(
      'isochrone_sync_statuses_total',
      'Statuses of tasks sent to the hub: a change of state, or mere progress',
      ['kind'],
    );
    this.reports = of.counter('isochrone_sync_reports_total', 'NodeReports sent to the hub');
    this.strangers = of.counter(
      'isochrone_sync_strangers_total',
      'Times that an object of the member stood where a copy was to be made; it is left alone',
    );
    this.renewals = of.counter(
      'isochrone_sync_lease_renewals_total',
      'Renewals of the Lease on the hub: renewed or failed',
      ['result'],
    );
    this.contact = of.gauge(
      'isochrone_sync_last_contact_timestamp_seconds',
      'When the last renewal that the hub took was sent; 0 before the first',
    );
    this.tokenIssued = of.gauge(
      'isochrone_sync_token_issued_timestamp_seconds',
      'When the token for the hub was issued; 0 before there is one',
    );
    this.tokenExpiration = of.gauge(
      'isochrone_sync_token_expiration_timestamp_seconds',
      'When the token for the hub expires; 0 before there is one',
    );
    this.credentialValid = of.gauge(
      'isochrone_sync_credential_valid',
      '1 while the hub takes the credential; 0 before a join, and once it ran out or was refused',
    );
    this.joins = of.counter(
      'isochrone_sync_joins_total',
      'Steps of joining: Joined, or why there is no credential that counts',
      ['outcome'],
    );
    // A rate does not see the step from no series to the first one.
    for (const outcome of ['Joined', 'TokenRefused', 'WrongCertificateAuthority', 'CredentialRefused'])
      this.joins.inc({ outcome }, 0);
    for (const action of ['created', 'updated', 'deleted']) this.tasks.inc({ action }, 0);
    for (const kind of ['state', 'progress']) this.statuses.inc({ kind }, 0);
    for (const result of ['renewed', 'failed']) this.renewals.inc({ result }, 0);
  }
}
