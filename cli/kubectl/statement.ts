import { names } from '@isochrone/api';
import { core } from '@isochrone/kube';
import { CliError } from '../errors.ts';
import { table } from '../output.ts';
import type { Connection } from './connection.ts';

export interface Statement {
  readonly namespace: string;
  readonly currency: string;
  readonly balance: string;
  readonly held: string;
  readonly spent: string;
  /** Newest first. */
  readonly postings: readonly Posting[];
}

interface Posting {
  readonly posting: string;
  readonly kind: string;
  readonly amount: string;
  readonly reference: string;
  readonly time: string;
}

/** Reads the account that the operator shows. @throws CliError NOT_FOUND, RESULTS_INVALID; ApiError */
export async function readStatement({ client, namespace }: Connection): Promise<Statement> {
  const found = await client.find(core.configMaps, { namespace, name: names.accountStatement });
  if (found === undefined) {
    throw new CliError(
      'NOT_FOUND',
      `namespace ${namespace} has no account (ConfigMap ${names.accountStatement}); it gets one with its first InferenceJob, if the operator runs`,
    );
  }
  const field = (key: string): string => {
    const value = found.data?.[key];
    if (value !== undefined) return value;
    throw new CliError(
      'RESULTS_INVALID',
      `ConfigMap ${namespace}/${names.accountStatement} has no ${key}; it is not the operator's`,
    );
  };
  return {
    namespace,
    currency: field('currency'),
    balance: field('balance'),
    held: field('held'),
    spent: field('spent'),
    postings: JSON.parse(field('postings')) as Posting[],
  };
}

export function statementText(
  { namespace, currency, balance, held, spent, postings }: Statement,
  wide: boolean,
): string {
  const rows = postings.map(({ time, kind, amount, reference, posting }) => [
    time,
    kind,
    amount,
    ...(wide ? [posting] : []),
    reference,
  ]);
  const head = table(
    ['NAMESPACE', 'BALANCE', 'HELD', 'SPENT', 'CURRENCY'],
    [[namespace, balance, held, spent, currency]],
  );
  return `${head}\n${table(['TIME', 'KIND', 'AMOUNT', ...(wide ? ['POSTING'] : []), 'REFERENCE'], rows)}`;
}
