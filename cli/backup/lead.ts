import { randomUUID } from 'node:crypto';
import { names, SYSTEM_NAMESPACE } from '@isochrone/api';
import { LeaderElector, Metrics, type ApiClient, type Logger } from '@isochrone/kube';
import { Registry } from 'prom-client';
import { CliError } from '../errors.ts';

/** A Lease that nobody renews can be taken after its term: 10 s of an operator's, 15 s of an interrupted restoration's. */
const waitMilliseconds = 25_000;

const quiet: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => quiet,
};

/**
 * Runs `work` as the leader that the operator otherwise is, so that no operator decides on what is half written.
 * @throws CliError OPERATOR_RUNNING; what `work` throws
 */
export async function leadInstead<T>(client: ApiClient, work: (leading: AbortSignal) => Promise<T>): Promise<T> {
  const lease = { namespace: SYSTEM_NAMESPACE, name: names.operatorLease };
  const waiting = new AbortController();
  const timer = setTimeout(() => waiting.abort(), waitMilliseconds);
  const elector = new LeaderElector({
    client,
    lease,
    identity: `restore_${randomUUID()}`,
    logger: quiet,
    metrics: new Metrics(new Registry()),
  });
  let result: { readonly value: T } | undefined;
  let led = false;
  try {
    await elector.run(waiting.signal, async (leading) => {
      clearTimeout(timer);
      led = true;
      result = { value: await work(leading) };
    });
  } finally {
    clearTimeout(timer);
  }
  if (result !== undefined) return result.value;
  const why = led
    ? `the Lease ${lease.namespace}/${lease.name} was lost while the hub was written; give the command again with --replace`
    : `an operator (${elector.holder ?? 'unknown'}) leads this hub; stop it first: kubectl -n ${lease.namespace} scale deployment isochrone-operator --replicas=0`;
  throw new CliError('OPERATOR_RUNNING', why);
}
