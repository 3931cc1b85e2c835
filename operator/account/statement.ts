import { labels, names } from '@isochrone/api';
import type { ConfigMap } from '@isochrone/kube';
import { formatMoney, type Entry, type NamespaceAccount } from '@isochrone/ledger';

/** Postings shown; older ones are in the ledger. */
export const STATEMENT_POSTINGS = 100;

type Statement = ConfigMap & { metadata: { name: string; namespace: string } };

/** The ConfigMap that shows a namespace its account. Amounts are decimals in `currency`; postings are JSON, newest first. */
export function accountStatement(
  namespace: string,
  account: NamespaceAccount,
  entries: readonly Entry[],
  currency: string,
): Statement {
  const postings = entries.slice(0, STATEMENT_POSTINGS).map((entry) => ({
    posting: String(entry.posting),
    kind: entry.kind,
    amount: formatMoney(entry.amount),
    reference: entry.reference,
    time: new Date(entry.at).toISOString(),
  }));
  return {
    metadata: { name: names.accountStatement, namespace, labels: { [labels.managedBy]: 'isochrone' } },
    data: {
      currency,
      balance: formatMoney(account.balance),
      held: formatMoney(account.held),
      spent: formatMoney(account.spent),
      postings: JSON.stringify(postings, null, 1),
    },
  };
}
