import type { DatabaseSync } from 'node:sqlite';
import type { RecordFormat, WrittenOutput } from './output-file.ts';

/** Each statement is durable when it returns (openStateDatabase). */
export const journalSchema = `
  CREATE TABLE IF NOT EXISTS attempts (
    work_uid TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    computed TEXT,
    receipt BLOB,
    PRIMARY KEY (work_uid, attempt)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS uploads (
    work_uid TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    shard INTEGER NOT NULL,
    done INTEGER NOT NULL,
    PRIMARY KEY (work_uid, attempt, shard),
    FOREIGN KEY (work_uid, attempt) REFERENCES attempts ON DELETE CASCADE
  ) STRICT;
`;

export interface AttemptKey {
  readonly workUID: string;
  readonly attempt: number;
}

/** Outputs that lie on this machine's disk, synced. */
export interface ComputedOutputs {
  /** Of the model's first input, for tasks that do not name their only one. Absent in journals of programs that had no such tasks. */
  readonly inputName?: string;
  /** The model's outputs, of one record. */
  readonly formats: readonly RecordFormat[];
  readonly outputs: readonly WrittenOutput[];
}

/** How far an attempt came: started, computed, signed, each shard about to be uploaded, uploaded. */
export interface AttemptState {
  /** Wall clock, milliseconds. */
  readonly startedAt: number;
  readonly computed: ComputedOutputs | undefined;
  /** JSON of the signed receipt. */
  readonly receipt: Uint8Array | undefined;
  /** By shard: true once it is stored, false when a PUT may have been sent. */
  readonly uploads: ReadonlyMap<number, boolean>;
}

/** What an attempt must not do twice, or differently, after the agent was killed. */
export class Journal {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** The attempt's state; begins it when it is new. */
  begin({ workUID, attempt }: AttemptKey, now: number): AttemptState {
    this.#database
      .prepare('INSERT OR IGNORE INTO attempts (work_uid, attempt, started_at) VALUES (?, ?, ?)')
      .run(workUID, attempt, now);
    const row = this.#database
      .prepare('SELECT started_at, computed, receipt FROM attempts WHERE work_uid = ? AND attempt = ?')
      .get(workUID, attempt)!;
    const uploads = this.#database
      .prepare('SELECT shard, done FROM uploads WHERE work_uid = ? AND attempt = ?')
      .all(workUID, attempt);
    return {
      startedAt: row.started_at as number,
      computed: row.computed === null ? undefined : parseComputed(row.computed as string),
      receipt: (row.receipt as Uint8Array | null) ?? undefined,
      uploads: new Map(uploads.map(({ shard, done }) => [shard as number, done === 1])),
    };
  }

  computed({ workUID, attempt }: AttemptKey, computed: ComputedOutputs): void {
    this.#database
      .prepare('UPDATE attempts SET computed = ? WHERE work_uid = ? AND attempt = ?')
      .run(JSON.stringify(computed), workUID, attempt);
  }

  signed({ workUID, attempt }: AttemptKey, receipt: Uint8Array): void {
    this.#database
      .prepare('UPDATE attempts SET receipt = ? WHERE work_uid = ? AND attempt = ?')
      .run(receipt, workUID, attempt);
  }

  /** Before the first PUT of a shard: from now on an object that is there may be ours. */
  uploading(key: AttemptKey, shard: number): void {
    this.#upload(key, shard, 0);
  }

  uploaded(key: AttemptKey, shard: number): void {
    this.#upload(key, shard, 1);
  }

  /** Everything that is known, for removing what has no task any more. */
  attempts(): AttemptKey[] {
    return this.#database
      .prepare('SELECT work_uid, attempt FROM attempts')
      .all()
      .map((row) => ({ workUID: row.work_uid as string, attempt: row.attempt as number }));
  }

  forget({ workUID, attempt }: AttemptKey): void {
    this.#database.prepare('DELETE FROM attempts WHERE work_uid = ? AND attempt = ?').run(workUID, attempt);
  }

  #upload({ workUID, attempt }: AttemptKey, shard: number, done: 0 | 1): void {
    this.#database
      .prepare('INSERT OR REPLACE INTO uploads (work_uid, attempt, shard, done) VALUES (?, ?, ?, ?)')
      .run(workUID, attempt, shard, done);
  }
}

/** What programs wrote that knew one output, and no strings. */
interface ComputedOutput {
  readonly inputName: string;
  readonly outputName: string;
  readonly format: Omit<RecordFormat, 'name'>;
  readonly outputs: readonly Omit<WrittenOutput, 'stringLengths'>[];
}

function parseComputed(json: string): ComputedOutputs {
  const computed = JSON.parse(json) as ComputedOutputs | ComputedOutput;
  if ('formats' in computed) return computed;
  const { inputName, outputName, format, outputs } = computed;
  return {
    inputName,
    formats: [{ name: outputName, ...format }],
    outputs: outputs.map((output) => ({ ...output, stringLengths: [] })),
  };
}
