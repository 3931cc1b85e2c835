import type { DatabaseSync } from 'node:sqlite';
import {
  DIGEST_BYTES,
  NO_PREVIOUS_RECEIPT,
  receiptDigest,
  receiptToJSON,
  signReceipt,
  type Digest,
  type Receipt,
} from '@isochrone/verification';
import { openStateDatabase } from '../state-directory.ts';

/** `leaves` goes when its retention is over; the receipt stays, so that an attempt is never signed twice. */
const schema = `
  CREATE TABLE IF NOT EXISTS receipts (
    sequence INTEGER PRIMARY KEY,
    work_uid TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    receipt BLOB NOT NULL,
    signed_at INTEGER NOT NULL,
    leaves BLOB,
    UNIQUE (work_uid, attempt)
  ) STRICT;
  CREATE INDEX IF NOT EXISTS retained ON receipts (signed_at) WHERE leaves IS NOT NULL;
`;

/** A receipt that lacks what the log adds: its place in the chain. */
export type Statement = Omit<Receipt, 'sequence' | 'previousReceiptDigest'>;

/** The chain of receipts that this node has signed. A receipt is on the disk before anybody sees it. */
export class ReceiptLog implements Disposable {
  readonly #database: DatabaseSync;

  /** @throws AgentError STATE_DIRECTORY_LOCKED, STATE_INVALID */
  constructor(directory: string) {
    this.#database = openStateDatabase(directory, 'receipts.db', schema);
  }

  /** JSON of the receipt of this attempt, if one was signed. */
  find(workUID: string, attempt: number): Uint8Array | undefined {
    const row = this.#database
      .prepare('SELECT receipt FROM receipts WHERE work_uid = ? AND attempt = ?')
      .get(workUID, attempt);
    return row?.receipt as Uint8Array | undefined;
  }

  /** Signs the next receipt of the chain; or returns the one that the attempt has already. */
  append(
    statement: Statement,
    leaves: readonly Digest[],
    privateKey: Parameters<typeof signReceipt>[1],
    now: number,
  ): Uint8Array {
    // No await between reading the end of the chain and writing the next link: windows are signed one after another.
    const first = this.find(statement.jobUID, statement.attempt);
    if (first !== undefined) return first;
    const last = this.#database.prepare('SELECT sequence, digest FROM receipts ORDER BY sequence DESC LIMIT 1').get();
    const receipt: Receipt = {
      ...statement,
      sequence: last === undefined ? 0 : (last.sequence as number) + 1,
      previousReceiptDigest: (last?.digest as Digest | undefined) ?? NO_PREVIOUS_RECEIPT,
    };
    const json = Buffer.from(JSON.stringify(receiptToJSON(signReceipt(receipt, privateKey))));
    this.#database
      .prepare(
        'INSERT INTO receipts (sequence, work_uid, attempt, digest, receipt, signed_at, leaves) VALUES (?, ?, ?, ?, ?, ?, ?)',
      )
      .run(receipt.sequence, receipt.jobUID, receipt.attempt, receiptDigest(receipt), json, now, Buffer.concat(leaves));
    return json;
  }

  /** Leaf hashes of a window, while they are retained. */
  leaves(workUID: string, attempt: number): Digest[] | undefined {
    const row = this.#database
      .prepare('SELECT leaves FROM receipts WHERE work_uid = ? AND attempt = ?')
      .get(workUID, attempt);
    const bytes = row?.leaves as Uint8Array | null | undefined;
    if (bytes === null || bytes === undefined) return undefined;
    return Array.from({ length: bytes.byteLength / DIGEST_BYTES }, (_, index) =>
      bytes.subarray(index * DIGEST_BYTES, (index + 1) * DIGEST_BYTES),
    );
  }

  /** Forgets the leaves of windows signed before the moment. @returns how many */
  forgetLeaves(signedBefore: number): number {
    return Number(
      this.#database
        .prepare('UPDATE receipts SET leaves = NULL WHERE leaves IS NOT NULL AND signed_at < ?')
        .run(signedBefore).changes,
    );
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}
