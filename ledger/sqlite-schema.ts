/** Marks the file as ours ("ISOC"), so that another program's database is never taken for an empty one. */
export const APPLICATION_ID = 0x49534f43;

export const SCHEMA_VERSION = 2;

/** The books that were restored from a backup: from what, and above which number their attempts go on. */
export const UPGRADE_FROM_1 = `
CREATE TABLE restoration (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  source TEXT NOT NULL,
  attempt_floor INTEGER NOT NULL CHECK (attempt_floor >= 0),
  at INTEGER NOT NULL
) STRICT;
CREATE TRIGGER restoration_is_final BEFORE UPDATE ON restoration BEGIN SELECT RAISE(ABORT, 'books are restored once'); END;
CREATE TRIGGER restoration_stays BEFORE DELETE ON restoration BEGIN SELECT RAISE(ABORT, 'books are restored once'); END;
`;

/**
 * The rules of the books live in the schema, so that no bug in the code above can break them. SQLite has no deferred CHECK:
 * a posting refers by a deferred foreign key to its seal, and a seal is only accepted once the entries sum to zero; so a
 * transaction with an unbalanced posting cannot commit.
 */
export const SCHEMA = `
CREATE TABLE leadership (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  token INTEGER NOT NULL,
  holder TEXT NOT NULL,
  acquired_at INTEGER NOT NULL
) STRICT;
CREATE TRIGGER leadership_grows BEFORE UPDATE ON leadership WHEN NEW.token <= OLD.token
BEGIN SELECT RAISE(ABORT, 'a fencing token must grow'); END;

CREATE TABLE account (
  name TEXT PRIMARY KEY CHECK (name IN ('external', 'hold') OR name GLOB 'namespace/?*' OR name GLOB 'provider/?*'),
  balance INTEGER NOT NULL DEFAULT 0 CHECK (name = 'external' OR balance >= 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE posting (
  id INTEGER PRIMARY KEY REFERENCES posting_seal (id) DEFERRABLE INITIALLY DEFERRED,
  kind TEXT NOT NULL CHECK (kind IN ('Deposit', 'Hold', 'Release', 'Refund')),
  reference TEXT NOT NULL,
  at INTEGER NOT NULL,
  UNIQUE (kind, reference)
) STRICT;
-- An attempt is settled once: paid or given back.
CREATE UNIQUE INDEX posting_settles_once ON posting (reference) WHERE kind IN ('Release', 'Refund');

CREATE TABLE entry (
  posting INTEGER NOT NULL REFERENCES posting (id),
  line INTEGER NOT NULL,
  account TEXT NOT NULL REFERENCES account (name),
  amount INTEGER NOT NULL,
  PRIMARY KEY (posting, line)
) STRICT, WITHOUT ROWID;
CREATE INDEX entry_by_account ON entry (account, posting);

CREATE TABLE posting_seal (id INTEGER PRIMARY KEY REFERENCES posting (id)) STRICT;

CREATE TRIGGER posting_balances BEFORE INSERT ON posting_seal
WHEN (SELECT COUNT(*) < 2 OR SUM(amount) <> 0 FROM entry WHERE posting = NEW.id)
BEGIN SELECT RAISE(ABORT, 'a posting must sum to zero'); END;
CREATE TRIGGER entry_before_seal BEFORE INSERT ON entry WHEN EXISTS (SELECT 1 FROM posting_seal WHERE id = NEW.posting)
BEGIN SELECT RAISE(ABORT, 'a sealed posting takes no more entries'); END;
CREATE TRIGGER entry_moves_balance AFTER INSERT ON entry
BEGIN UPDATE account SET balance = balance + NEW.amount WHERE name = NEW.account; END;

CREATE TRIGGER posting_is_final BEFORE UPDATE ON posting BEGIN SELECT RAISE(ABORT, 'postings are append-only'); END;
CREATE TRIGGER posting_stays BEFORE DELETE ON posting BEGIN SELECT RAISE(ABORT, 'postings are append-only'); END;
CREATE TRIGGER entry_is_final BEFORE UPDATE ON entry BEGIN SELECT RAISE(ABORT, 'entries are append-only'); END;
CREATE TRIGGER entry_stays BEFORE DELETE ON entry BEGIN SELECT RAISE(ABORT, 'entries are append-only'); END;
CREATE TRIGGER seal_is_final BEFORE UPDATE ON posting_seal BEGIN SELECT RAISE(ABORT, 'seals are append-only'); END;
CREATE TRIGGER seal_stays BEFORE DELETE ON posting_seal BEGIN SELECT RAISE(ABORT, 'seals are append-only'); END;

CREATE TABLE attempt (
  job_uid TEXT NOT NULL,
  attempt INTEGER NOT NULL CHECK (attempt >= 1),
  namespace TEXT NOT NULL,
  provider TEXT NOT NULL,
  node TEXT NOT NULL,
  purpose TEXT NOT NULL CHECK (purpose IN ('Work', 'Verification', 'Reference')),
  verifies INTEGER CHECK (verifies IS NULL OR purpose <> 'Work'),
  amount INTEGER NOT NULL CHECK (amount >= 0),
  state TEXT NOT NULL DEFAULT 'Held' CHECK (state IN ('Held', 'Released', 'Refunded')),
  reason TEXT,
  charged INTEGER NOT NULL DEFAULT 0 CHECK (charged IN (0, 1)),
  held_at INTEGER NOT NULL,
  settled_at INTEGER,
  hold_posting INTEGER NOT NULL UNIQUE REFERENCES posting (id),
  settle_posting INTEGER UNIQUE REFERENCES posting (id),
  PRIMARY KEY (job_uid, attempt),
  CHECK ((state = 'Held') = (settled_at IS NULL) AND (state = 'Held') = (settle_posting IS NULL)),
  CHECK ((state = 'Refunded') = (reason IS NOT NULL)),
  CHECK (charged = 0 OR state = 'Refunded')
) STRICT, WITHOUT ROWID;
CREATE INDEX attempt_held ON attempt (held_at) WHERE state = 'Held';
CREATE TRIGGER attempt_settles_once BEFORE UPDATE ON attempt WHEN OLD.state <> 'Held'
BEGIN SELECT RAISE(ABORT, 'an attempt is settled once'); END;
-- The highest attempt of a job must never be forgotten: it fences a hub restored from an old backup.
CREATE TRIGGER attempt_stays BEFORE DELETE ON attempt BEGIN SELECT RAISE(ABORT, 'attempts are kept'); END;

CREATE TABLE attempt_shard (
  job_uid TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  shard_index INTEGER NOT NULL CHECK (shard_index >= 0),
  records INTEGER NOT NULL CHECK (records >= 0),
  amount INTEGER NOT NULL CHECK (amount >= 0),
  PRIMARY KEY (job_uid, attempt, shard_index),
  FOREIGN KEY (job_uid, attempt) REFERENCES attempt (job_uid, attempt)
) STRICT, WITHOUT ROWID;

-- The primary key is the promise: a shard is paid once, whatever attempt delivered it.
CREATE TABLE released_shard (
  job_uid TEXT NOT NULL,
  shard_index INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  sha256 TEXT CHECK (length(sha256) = 64 AND sha256 NOT GLOB '*[^0-9a-f]*'),
  size_bytes INTEGER CHECK (size_bytes >= 0),
  PRIMARY KEY (job_uid, shard_index),
  FOREIGN KEY (job_uid, attempt, shard_index) REFERENCES attempt_shard (job_uid, attempt, shard_index),
  CHECK ((sha256 IS NULL) = (size_bytes IS NULL))
) STRICT, WITHOUT ROWID;
CREATE TRIGGER released_shard_is_final BEFORE UPDATE ON released_shard BEGIN SELECT RAISE(ABORT, 'releases are append-only'); END;
CREATE TRIGGER released_shard_stays BEFORE DELETE ON released_shard BEGIN SELECT RAISE(ABORT, 'releases are append-only'); END;

-- Running totals, so that the account page of a namespace does not read its whole history.
CREATE TABLE namespace_total (
  namespace TEXT PRIMARY KEY,
  held INTEGER NOT NULL DEFAULT 0 CHECK (held >= 0),
  spent INTEGER NOT NULL DEFAULT 0 CHECK (spent >= 0)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER attempt_adds_held AFTER INSERT ON attempt
BEGIN
  INSERT INTO namespace_total (namespace, held) VALUES (NEW.namespace, NEW.amount)
  ON CONFLICT (namespace) DO UPDATE SET held = held + NEW.amount;
END;
CREATE TRIGGER attempt_moves_held AFTER UPDATE ON attempt WHEN NEW.state <> 'Held'
BEGIN
  UPDATE namespace_total
  SET held = held - NEW.amount, spent = spent + IIF(NEW.state = 'Released', NEW.amount, 0)
  WHERE namespace = NEW.namespace;
END;

CREATE TABLE receipt (
  node_key TEXT NOT NULL,
  sequence INTEGER NOT NULL CHECK (sequence >= 0),
  digest TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (node_key, sequence)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER receipt_is_final BEFORE UPDATE ON receipt BEGIN SELECT RAISE(ABORT, 'receipts are append-only'); END;
CREATE TRIGGER receipt_stays BEFORE DELETE ON receipt BEGIN SELECT RAISE(ABORT, 'receipts are append-only'); END;
${UPGRADE_FROM_1}`;
