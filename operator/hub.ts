import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { names, SYSTEM_NAMESPACE } from '@isochrone/api';
import { ApiClient, LeaderElector, Metrics, systemClock, type Clock } from '@isochrone/kube';
import { isLedgerUnavailable, LedgerError, openLedger } from '@isochrone/ledger';
import {
  checkTlsFiles,
  defineOptions,
  observeCertificates,
  option,
  ServiceError,
  type OptionsOf,
  type ServiceContext,
} from '@isochrone/service';
import { isAllowedSource } from './input/public-address.ts';
import { leadHub } from './lead-hub.ts';
import { LedgerWatch } from './ledger-watch.ts';
import { OperatorMetrics } from './metrics.ts';
import { createSchedulerClient } from './scheduler-client.ts';

export { JobMetrics } from './job/metrics.ts';
export { OperatorMetrics } from './metrics.ts';

export const operatorOptions = defineOptions({
  kubeconfig: option.string({ description: 'Kubeconfig for the hub. Default: the ServiceAccount of the Pod.' }),
  ledger: option.string({
    description:
      'The ledger: postgresql://USER@HOST/DATABASE, or a file (SQLite, for one replica). It is made when it does not exist. Give a URL with a password by the environment, not by the flag.',
    required: true,
  }),
  schedulerAddress: option.string({ description: 'Address of the scheduler, host:port.', required: true }),
  schedulerCaFile: option.string({
    description: 'Authorities that the certificate of the scheduler must come from, PEM. Without TLS files: plaintext.',
  }),
  schedulerCertFile: option.string({
    description: 'Certificate of the operator for the scheduler, PEM. Read again when it changes.',
  }),
  schedulerKeyFile: option.string({ description: 'Private key of the certificate, PEM.' }),
  namespace: option.string({
    description: 'Namespace of the operator on the hub, with the Secrets of models.',
    default: SYSTEM_NAMESPACE,
  }),
  currency: option.string({
    description: 'Currency of the federation, for people to read.',
    default: 'EUR',
    pattern: /[A-Z]{3}/,
  }),
  edgeLeaseSeconds: option.integer({
    description: 'How long the hub waits for a renewal of a member before it calls it unreachable.',
    default: 40,
    minimum: 3,
    maximum: 3600,
  }),
  edgeTokenSeconds: option.integer({
    description: 'Life of the tokens of members; each is replaced at two thirds of it.',
    default: 86_400,
    minimum: 600,
    maximum: 31_536_000,
  }),
  edgeServer: option.string({
    description:
      'Address of the hub that members are told with their credentials; each goes over to it once the hub answers it there. Default: members stay with the address that they joined by.',
  }),
  nodeGraceSeconds: option.integer({
    description: 'How long the last report of a node counts. Keep it well above reportSeconds of the edges.',
    default: 300,
    minimum: 3,
  }),
  inputHosts: option.list({
    description:
      'What jobs may read by http(s) though it is not on the public internet: HOST, HOST:PORT, an address, or a network such as 10.20.0.0/16. Default: nothing.',
  }),
  inputMebibytes: option.integer({
    description:
      'Disk that the copy of one input may take, unpacked and as records. Two are made at once, in the folder for temporary files.',
    default: 2048,
    minimum: 1,
    maximum: 5120,
  }),
  ledgerPollSeconds: option.integer({
    description: 'How often balances are read from the ledger to be shown.',
    default: 5,
    minimum: 1,
  }),
});
export type OperatorOptions = OptionsOf<typeof operatorOptions>;

/** What the ledger says to a leader that may begin again, with a new token. */
const endsTerm = (error: unknown): boolean =>
  isLedgerUnavailable(error) || (error instanceof LedgerError && error.code === 'STALE_LEADER');

const isCorrupt = (error: unknown): error is LedgerError =>
  error instanceof LedgerError && error.code === 'LEDGER_CORRUPT';

/**
 * A standby takes over once it has itself seen the lease stand still for its term, and it looks every retry period, so that a
 * failover takes the term and one retry at most: with client-go's 15/10/2 s 17.4 s, of the 20 s that it may take until work is done;
 * with these 11.8 s. A shorter term costs little here: who loses the lease by a slow API server ends one term of work and competes
 * again in the same process, and the fencing token of the ledger keeps two leaders from paying twice whatever their clocks
 * say. 7 s are two requests to an API server that hangs.
 */
const leadership = {
  leaseDurationMilliseconds: 10_000,
  renewDeadlineMilliseconds: 7_000,
  retryPeriodMilliseconds: 1_500,
} as const;

/** Books that do not add up are proved again after this: someone restores a backup meanwhile. */
const corruptRetryMilliseconds = 60_000;

/** The hub operator. Works while it leads; a standby waits. @throws KubeconfigError, LedgerError, ServiceError */
export async function runOperator(
  options: OperatorOptions,
  context: ServiceContext,
  clock: Clock = systemClock,
): Promise<void> {
  const { logger, registry, health, signal } = context;
  const metrics = new Metrics(registry);
  const { kubeconfig, ledger: location, namespace, schedulerAddress, ledgerPollSeconds } = options;
  const wrong = options.inputHosts.find((entry) => !isAllowedSource(entry));
  if (wrong !== undefined)
    throw new ServiceError(
      'OPTION_INVALID',
      `--input-hosts has ${JSON.stringify(wrong)}; write HOST, HOST:PORT, an address, or a network such as 10.20.0.0/16`,
    );
  const tls = checkTlsFiles(
    { certificate: options.schedulerCertFile, key: options.schedulerKeyFile, authority: options.schedulerCaFile },
    { certificate: '--scheduler-cert-file', key: '--scheduler-key-file', authority: '--scheduler-ca-file' },
    clock.now(),
  );
  observeCertificates(registry, tls);
  // Opened before it leads, so that a wrong path is told at once.
  const ledger = openLedger(location, clock);
  const common = {
    logger,
    metrics,
    clock,
    fieldManager: 'isochrone-operator',
    userAgent: 'isochrone-operator',
    name: 'hub',
  };
  const client =
    kubeconfig === undefined
      ? await ApiClient.inCluster(common)
      : await ApiClient.fromKubeconfig({ ...common, path: kubeconfig });
  const scheduler = createSchedulerClient({ address: schedulerAddress, tls });
  const identity = `${hostname()}_${randomUUID()}`;
  const elector = new LeaderElector({
    client,
    lease: { namespace, name: names.operatorLease },
    ...leadership,
    identity,
    logger,
    metrics,
    clock,
  });
  let status: () => true | string = () => true;
  health.readiness('operator', () => status());
  const operatorMetrics = new OperatorMetrics(registry);
  const ledgerWatch = new LedgerWatch({ ledger, logger, operatorMetrics, clock, pollSeconds: ledgerPollSeconds });
  health.readiness('ledger', () => ledgerWatch.check());
  const hub = { options, client, ledger, scheduler, identity, logger, registry, metrics, clock };
  const over = new AbortController();
  const watching = ledgerWatch.run(AbortSignal.any([signal, over.signal]));
  try {
    for (;;) {
      await ledgerWatch.untilUp(signal);
      if (signal.aborted) break;
      await elector.run(signal, async (leading) => {
        status = () => 'taking over';
        try {
          await leadHub(hub, leading, (check) => (status = check));
        } catch (error) {
          if (isCorrupt(error)) {
            // It stays up and says so, where an alert sees it: a process that ends and is started again tells nothing.
            logger.error({ err: error }, 'the books do not add up: nothing is decided or paid until they do');
            operatorMetrics.ledgerCorrupt.set(1);
            status = () => error.message;
            await clock.sleep(corruptRetryMilliseconds, leading).catch((cause: unknown) => {
              if (!leading.aborted) throw cause;
            });
            return;
          }
          if (!endsTerm(error)) throw error;
          logger.error({ err: error }, 'the term is over: the ledger went away, or another leader took it');
          await ledgerWatch.ask();
        } finally {
          // A standby is as ready as it can be.
          status = () => true;
        }
      });
    }
  } finally {
    over.abort();
    scheduler.close();
    await watching;
    await Promise.all([client.close(), ledger.close()]);
  }
}
