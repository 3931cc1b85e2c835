/** Where the tables are, so that the ledger may share a database with others. */
export const POSTGRES_SCHEMA = 'isochrone_ledger';

export const POSTGRES_SCHEMA_VERSION = 2;

/** Guards against an edit by hand as much as against a bug: TRUNCATE fires no row trigger. */
const appendOnly = (table: string, what: string): string => `
CREATE TRIGGER ${table}_is_final BEFORE UPDATE OR DELETE ON ${table} FOR EACH ROW EXECUTE FUNCTION refuse('${what} are append-only');
CREATE TRIGGER ${table}_stays BEFORE TRUNCATE ON ${table} FOR EACH STATEMENT EXECUTE FUNCTION refuse('${what} are append-only');`;

/** As `UPGRADE_FROM_1` of sqlite-schema.ts. */
export const POSTGRES_UPGRADE_FROM_1 = `
CREATE TABLE restoration (
  id BIGINT PRIMARY KEY CHECK (id = 1),
  source TEXT NOT NULL,
  attempt_floor BIGINT NOT NULL CHECK (attempt_floor >= 0),
  at BIGINT NOT NULL
);
${appendOnly('restoration', 'books are restored once: restorations')}
`;

/** The rules of sqlite-schema.ts in PostgreSQL's words: the same tables, the same refusals. */
export const POSTGRES_DDL = `
CREATE TABLE schema_version (version BIGINT NOT NULL);
INSERT INTO schema_version VALUES (${POSTGRES_SCHEMA_VERSION});

CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = TG_ARGV[0]; END $$;

CREATE TABLE leadership (
  id BIGINT PRIMARY KEY CHECK (id = 1),
  token BIGINT NOT NULL,
  holder TEXT NOT NULL,
  acquired_at BIGINT NOT NULL
);
CREATE TRIGGER leadership_grows BEFORE UPDATE ON leadership FOR EACH ROW WHEN (NEW.token <= OLD.token)
EXECUTE FUNCTION refuse('a fencing token must grow');

CREATE TABLE account (
  name TEXT PRIMARY KEY CHECK (name IN ('external', 'hold') OR name ~ '^(namespace|provider)/.'),
  balance BIGINT NOT NULL DEFAULT 0 CHECK (name = 'external' OR balance >= 0)
);

CREATE TABLE posting (
  id BIGINT PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('Deposit', 'Hold', 'Release', 'Refund')),
  reference TEXT NOT NULL,
  at BIGINT NOT NULL,
  UNIQUE (kind, reference)
);
CREATE UNIQUE INDEX posting_settles_once ON posting (reference) WHERE kind IN ('Release', 'Refund');

CREATE TABLE entry (
  posting BIGINT NOT NULL REFERENCES posting (id),
  line BIGINT NOT NULL,
  account TEXT NOT NULL REFERENCES account (name),
  amount BIGINT NOT NULL,
  PRIMARY KEY (posting, line)
);
CREATE INDEX entry_by_account ON entry (account, posting);

CREATE TABLE posting_seal (id BIGINT PRIMARY KEY REFERENCES posting (id));
ALTER TABLE posting ADD FOREIGN KEY (id) REFERENCES posting_seal (id) DEFERRABLE INITIALLY DEFERRED;

CREATE FUNCTION seal_posting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (SELECT COUNT(*) < 2 OR SUM(amount) <> 0 FROM entry WHERE posting = NEW.id) THEN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = 'a posting must sum to zero';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER posting_balances BEFORE INSERT ON posting_seal FOR EACH ROW EXECUTE FUNCTION seal_posting();

CREATE FUNCTION enter() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM posting_seal WHERE id = NEW.posting) THEN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = 'a sealed posting takes no more entries';
  END IF;
  UPDATE account SET balance = balance + NEW.amount WHERE name = NEW.account;
  RETURN NEW;
END $$;
CREATE TRIGGER entry_moves_balance BEFORE INSERT ON entry FOR EACH ROW EXECUTE FUNCTION enter();
${appendOnly('posting', 'postings')}
${appendOnly('entry', 'entries')}
${appendOnly('posting_seal', 'seals')}

CREATE TABLE attempt (
  job_uid TEXT NOT NULL,
  attempt BIGINT NOT NULL CHECK (attempt >= 1),
  namespace TEXT NOT NULL,
  provider TEXT NOT NULL,
  node TEXT NOT NULL,
  purpose TEXT NOT NULL CHECK (purpose IN ('Work', 'Verification', 'Reference')),
  verifies BIGINT CHECK (verifies IS NULL OR purpose <> 'Work'),
  amount BIGINT NOT NULL CHECK (amount >= 0),
  state TEXT NOT NULL DEFAULT 'Held' CHECK (state IN ('Held', 'Released', 'Refunded')),
  reason TEXT,
  charged BIGINT NOT NULL DEFAULT 0 CHECK (charged IN (0, 1)),
  held_at BIGINT NOT NULL,
  settled_at BIGINT,
  hold_posting BIGINT NOT NULL UNIQUE REFERENCES posting (id),
  settle_posting BIGINT UNIQUE REFERENCES posting (id),
  PRIMARY KEY (job_uid, attempt),
  CHECK ((state = 'Held') = (settled_at IS NULL) AND (state = 'Held') = (settle_posting IS NULL)),
  CHECK ((state = 'Refunded') = (reason IS NOT NULL)),
  CHECK (charged = 0 OR state = 'Refunded')
);
CREATE INDEX attempt_held ON attempt (held_at) WHERE state = 'Held';
CREATE TRIGGER attempt_settles_once BEFORE UPDATE ON attempt FOR EACH ROW WHEN (OLD.state <> 'Held')
EXECUTE FUNCTION refuse('an attempt is settled once');
CREATE TRIGGER attempt_stays BEFORE DELETE ON attempt FOR EACH ROW EXECUTE FUNCTION refuse('attempts are kept');
CREATE TRIGGER attempts_stay BEFORE TRUNCATE ON attempt FOR EACH STATEMENT EXECUTE FUNCTION refuse('attempts are kept');

CREATE TABLE attempt_shard (
  job_uid TEXT NOT NULL,
  attempt BIGINT NOT NULL,
  shard_index BIGINT NOT NULL CHECK (shard_index >= 0),
  records BIGINT NOT NULL CHECK (records >= 0),
  amount BIGINT NOT NULL CHECK (amount >= 0),
  PRIMARY KEY (job_uid, attempt, shard_index),
  FOREIGN KEY (job_uid, attempt) REFERENCES attempt (job_uid, attempt)
);

CREATE TABLE released_shard (
  job_uid TEXT NOT NULL,
  shard_index BIGINT NOT NULL,
  attempt BIGINT NOT NULL,
  sha256 TEXT CHECK (sha256 ~ '^[0-9a-f]{64}$'),
  size_bytes BIGINT CHECK (size_bytes >= 0),
  PRIMARY KEY (job_uid, shard_index),
  FOREIGN KEY (job_uid, attempt, shard_index) REFERENCES attempt_shard (job_uid, attempt, shard_index),
  CHECK ((sha256 IS NULL) = (size_bytes IS NULL))
);
${appendOnly('released_shard', 'releases')}

CREATE TABLE namespace_total (
  namespace TEXT PRIMARY KEY,
  held BIGINT NOT NULL DEFAULT 0 CHECK (held >= 0),
  spent BIGINT NOT NULL DEFAULT 0 CHECK (spent >= 0)
);
CREATE FUNCTION add_held() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO namespace_total AS t (namespace, held) VALUES (NEW.namespace, NEW.amount)
  ON CONFLICT (namespace) DO UPDATE SET held = t.held + NEW.amount;
  RETURN NULL;
END $$;
CREATE TRIGGER attempt_adds_held AFTER INSERT ON attempt FOR EACH ROW EXECUTE FUNCTION add_held();
CREATE FUNCTION move_held() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE namespace_total
  SET held = held - NEW.amount, spent = spent + CASE NEW.state WHEN 'Released' THEN NEW.amount ELSE 0 END
  WHERE namespace = NEW.namespace;
  RETURN NULL;
END $$;
CREATE TRIGGER attempt_moves_held AFTER UPDATE ON attempt FOR EACH ROW WHEN (NEW.state <> 'Held') EXECUTE FUNCTION move_held();

CREATE TABLE receipt (
  node_key TEXT NOT NULL,
  sequence BIGINT NOT NULL CHECK (sequence >= 0),
  digest TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (node_key, sequence)
);
${appendOnly('receipt', 'receipts')}
${POSTGRES_UPGRADE_FROM_1}`;
