/** Books with a deposit of 100, an attempt that is held and one that is released; written without the code under test. */
export const BOOKS = `
INSERT INTO account (name) VALUES ('external'), ('hold'), ('namespace/a'), ('provider/p');
BEGIN;
INSERT INTO posting VALUES (1, 'Deposit', 'd', 0), (2, 'Hold', 'j/1', 0), (3, 'Hold', 'j/2', 0), (4, 'Release', 'j/1', 0);
INSERT INTO entry VALUES (1, 0, 'external', -100), (1, 1, 'namespace/a', 100), (2, 0, 'namespace/a', -10), (2, 1, 'hold', 10),
  (3, 0, 'namespace/a', -5), (3, 1, 'hold', 5), (4, 0, 'hold', -10), (4, 1, 'provider/p', 10);
INSERT INTO posting_seal VALUES (1), (2), (3), (4);
INSERT INTO attempt (job_uid, attempt, namespace, provider, node, purpose, amount, held_at, hold_posting)
  VALUES ('j', 1, 'a', 'p', 'n', 'Work', 10, 0, 2), ('j', 2, 'a', 'p', 'n', 'Work', 5, 0, 3);
INSERT INTO attempt_shard VALUES ('j', 1, 0, 1, 10), ('j', 2, 1, 1, 5);
UPDATE attempt SET state = 'Released', settled_at = 1, settle_posting = 4 WHERE attempt = 1;
INSERT INTO released_shard (job_uid, shard_index, attempt) VALUES ('j', 0, 1);
COMMIT;`;

/** What the schema itself refuses, whatever the code above it does. */
export const refused: Readonly<Record<string, string>> = {
  'an unbalanced posting': `BEGIN; INSERT INTO posting VALUES (9, 'Deposit', 'x', 0); INSERT INTO entry VALUES (9, 0, 'hold', 1); INSERT INTO posting_seal VALUES (9); COMMIT`,
  'a posting without a seal': `BEGIN; INSERT INTO posting VALUES (9, 'Deposit', 'x', 0); INSERT INTO entry VALUES (9, 0, 'external', -1), (9, 1, 'hold', 1); COMMIT`,
  'an empty posting': `BEGIN; INSERT INTO posting VALUES (9, 'Deposit', 'x', 0); INSERT INTO posting_seal VALUES (9); COMMIT`,
  'an entry after the seal': `INSERT INTO entry VALUES (1, 2, 'hold', 0)`,
  'a changed entry': `UPDATE entry SET amount = 0`,
  'a deleted entry': `DELETE FROM entry`,
  'a deleted posting': `DELETE FROM posting`,
  'a negative balance': `BEGIN; INSERT INTO posting VALUES (9, 'Hold', 'x', 0); INSERT INTO entry VALUES (9, 0, 'namespace/a', -86)`,
  'a deposit replayed': `INSERT INTO posting VALUES (9, 'Deposit', 'd', 0)`,
  'a release after a release': `INSERT INTO posting VALUES (9, 'Release', 'j/1', 0)`,
  'a refund after a release': `INSERT INTO posting VALUES (9, 'Refund', 'j/1', 0)`,
  'a shard paid twice': `INSERT INTO released_shard (job_uid, shard_index, attempt) VALUES ('j', 0, 2)`,
  'a settled attempt reopened': `UPDATE attempt SET state = 'Held', settled_at = NULL, settle_posting = NULL WHERE attempt = 1`,
  'a forgotten attempt': `DELETE FROM attempt WHERE attempt = 2`,
  'an account of an unknown kind': `INSERT INTO account (name) VALUES ('slush')`,
  'a token that shrinks': `INSERT INTO leadership VALUES (1, 5, 'h', 0); UPDATE leadership SET token = 4`,
};
