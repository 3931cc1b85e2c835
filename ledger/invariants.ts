import type { Sql } from './database.ts';
import { LedgerError } from './errors.ts';

/** Each query returns, as `violation`, where the invariant does not hold; no row when it does. */
const INVARIANTS: Readonly<Record<string, string>> = {
  'every posting is sealed': `
    SELECT 'posting ' || id AS violation FROM posting WHERE id NOT IN (SELECT id FROM posting_seal)`,
  'every posting sums to zero': `
    SELECT 'posting ' || posting.id || ' sums to ' || COALESCE(CAST(SUM(amount) AS TEXT), 'nothing') AS violation
    FROM posting LEFT JOIN entry ON entry.posting = posting.id
    GROUP BY posting.id HAVING COUNT(amount) < 2 OR SUM(amount) <> 0`,
  'every balance is the sum of its entries': `
    SELECT 'account ' || name || ' has ' || balance || ', its entries sum to ' || COALESCE(SUM(amount), 0) ||
      '; last posting ' || COALESCE(CAST(MAX(posting) AS TEXT), 'none') AS violation
    FROM account LEFT JOIN entry ON entry.account = account.name
    GROUP BY name HAVING balance <> COALESCE(SUM(amount), 0)`,
  'no balance but external is negative': `
    SELECT 'account ' || name || ' has ' || balance AS violation FROM account WHERE name <> 'external' AND balance < 0`,
  'an attempt holds the sum of its shards': `
    SELECT 'attempt ' || a.job_uid || '/' || a.attempt || ', posting ' || hold_posting AS violation
    FROM attempt a LEFT JOIN attempt_shard s USING (job_uid, attempt)
    GROUP BY a.job_uid, a.attempt HAVING COUNT(s.amount) = 0 OR a.amount <> SUM(s.amount)`,
  'a hold moves the amount from the namespace': `
    SELECT 'posting ' || hold_posting || ' of attempt ' || job_uid || '/' || attempt AS violation FROM attempt a
    WHERE ${movement('hold_posting', "'Hold'", "'namespace/' || a.namespace", "'hold'")}`,
  'a release pays the provider': `
    SELECT 'posting ' || settle_posting || ' of attempt ' || job_uid || '/' || attempt AS violation FROM attempt a
    WHERE state = 'Released' AND ${movement('settle_posting', "'Release'", "'hold'", "'provider/' || a.provider")}`,
  'a refund repays the namespace': `
    SELECT 'posting ' || settle_posting || ' of attempt ' || job_uid || '/' || attempt AS violation FROM attempt a
    WHERE state = 'Refunded' AND ${movement('settle_posting', "'Refund'", "'hold'", "'namespace/' || a.namespace")}`,
  'every posting but a deposit belongs to an attempt': `
    SELECT 'posting ' || id AS violation FROM posting
    WHERE kind <> 'Deposit' AND id NOT IN (SELECT hold_posting FROM attempt)
      AND id NOT IN (SELECT settle_posting FROM attempt WHERE settle_posting IS NOT NULL)`,
  'the hold account is the sum of the open attempts': `
    SELECT 'account hold has ' || sums.balance || ', open attempts hold ' || sums.held AS violation
    FROM (SELECT COALESCE((SELECT balance FROM account WHERE name = 'hold'), 0) AS balance,
                 COALESCE((SELECT SUM(amount) FROM attempt WHERE state = 'Held'), 0) AS held) AS sums
    WHERE sums.balance <> sums.held`,
  'a released attempt of Work has paid each of its shards': `
    SELECT 'shard ' || s.job_uid || '/' || s.shard_index || ' of attempt ' || s.attempt || ', posting ' || COALESCE(a.settle_posting, a.hold_posting) AS violation
    FROM attempt_shard s JOIN attempt a USING (job_uid, attempt)
    LEFT JOIN released_shard r USING (job_uid, attempt, shard_index)
    WHERE (a.state = 'Released' AND a.purpose = 'Work') <> (r.job_uid IS NOT NULL)`,
  'the totals of a namespace are those of its attempts': `
    SELECT 'namespace ' || t.namespace AS violation
    FROM namespace_total t LEFT JOIN attempt a ON a.namespace = t.namespace
    GROUP BY t.namespace, t.held, t.spent
    HAVING t.held <> SUM(CASE a.state WHEN 'Held' THEN a.amount ELSE 0 END)
      OR t.spent <> SUM(CASE a.state WHEN 'Released' THEN a.amount ELSE 0 END)`,
};

/** Condition: the posting of attempt `a` is NOT of this kind, with exactly the attempt's amount moved between these accounts. */
function movement(posting: string, kind: string, from: string, to: string): string {
  return `NOT EXISTS (
    SELECT 1 FROM posting p JOIN entry f ON f.posting = p.id JOIN entry t ON t.posting = p.id AND t.line <> f.line
    WHERE p.id = a.${posting} AND p.kind = ${kind} AND p.reference = a.job_uid || '/' || a.attempt
      AND f.account = ${from} AND f.amount = -a.amount AND t.account = ${to} AND t.amount = a.amount
      AND (SELECT COUNT(*) FROM entry WHERE posting = p.id) = 2)`;
}

/** Proves the books over all rows. @throws LedgerError LEDGER_CORRUPT naming the invariant and where it fails first */
export async function assertInvariants(sql: Sql): Promise<void> {
  for (const [invariant, query] of Object.entries(INVARIANTS)) {
    const [row] = await sql.all<{ violation: string }>(`${query} LIMIT 1`);
    if (row) throw corrupt(invariant, row.violation);
  }
}

/** @param where names the posting, attempt or account */
export function corrupt(invariant: string, where: string): LedgerError {
  return new LedgerError(
    'LEDGER_CORRUPT',
    `the ledger breaks the rule "${invariant}": ${where}; stop, and restore a backup`,
  );
}
